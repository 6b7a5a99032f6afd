from __future__ import annotations

import pytest
from typer.testing import CliRunner

from grader import doctor
from grader.cli import app
from grader.sandbox import TIERS


@pytest.mark.sandbox
@pytest.mark.parametrize("tier", ["warm", "bwrap"])
def test_everything_is_denied_in_the_sandboxes_of_this_machine(tier: str) -> None:
    if problem := TIERS[tier].problem():
        pytest.skip(problem)
    tried = doctor.probe(TIERS[tier])
    assert len(tried) > 8
    assert all(tried.values()), [what for what, denied in tried.items() if not denied]


def test_what_a_plain_process_may_do_is_seen() -> None:
    # A probe that finds nothing possible where nothing is denied would prove nothing.
    tried = doctor.probe(TIERS["none"])
    assert not tried["read a file of the host"]
    assert not tried["import the references"]


def test_a_machine_without_a_tier_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for tier in TIERS.values():
        monkeypatch.setattr(type(tier), "problem", lambda _self: "it is not installed: install it")
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert "install it" in result.stdout


def test_a_tier_that_lets_something_through_is_not_called_safe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for tier in TIERS.values():
        monkeypatch.setattr(type(tier), "problem", lambda _self: None)
    monkeypatch.setattr(doctor, "probe", lambda _tier: {"reach the network": False})
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert "possible" in result.stdout
