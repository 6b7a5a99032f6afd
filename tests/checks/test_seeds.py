from __future__ import annotations

import hashlib
import hmac

import pytest

from grader.checks.seeds import Seeds, decode
from grader.errors import UsageError

SEEDS = Seeds(b"course secret", "vae", 3)


def test_a_seed_is_the_hmac_of_its_circumstances() -> None:
    text = b"".join(
        len(part).to_bytes(4, "big") + part for part in (b"vae", b"3", b"noise", b"first")
    )
    digest = hmac.new(b"course secret", text, hashlib.sha256).digest()
    assert SEEDS.of("noise")("first") == int.from_bytes(digest[:8], "big") >> 1


def test_seeds_fit_in_63_bits_and_differ_in_every_part() -> None:
    seeds = [
        SEEDS.of("noise")("a"),
        SEEDS.of("noise")("b"),
        SEEDS.of("nois")("ea"),
        Seeds(b"other secret", "vae", 3).of("noise")("a"),
        Seeds(b"course secret", "vae", 4).of("noise")("a"),
        Seeds(b"course secret", "ddpm", 3).of("noise")("a"),
    ]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_token_tells_what_to_run_again() -> None:
    replay = decode(SEEDS.token("noise"))
    assert (replay.assignment, replay.version, replay.check) == ("vae", 3, "noise")
    assert SEEDS.reproduces(replay)


def test_a_token_tells_which_hand_in_it_is_about() -> None:
    token = SEEDS.token("noise", "ab" * 32)
    assert decode(token).submission == "abababababab"
    assert token != SEEDS.token("noise", "cd" * 32)
    assert SEEDS.reproduces(decode(token))


def test_a_token_survives_a_clipboard() -> None:
    assert decode(f"  {SEEDS.token('noise').upper()}\n") == decode(SEEDS.token("noise"))


def test_another_secret_or_version_does_not_reproduce_a_verdict() -> None:
    replay = decode(SEEDS.token("noise"))
    assert not Seeds(b"other", "vae", 3).reproduces(replay)
    assert not Seeds(b"course secret", "vae", 4).reproduces(replay)


@pytest.mark.parametrize("token", ["", "not base32!", "aaaa"])
def test_text_that_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(UsageError, match="copy it whole"):
        decode(token)


def test_a_token_cut_short_does_not_reproduce_a_verdict() -> None:
    assert not SEEDS.reproduces(decode(SEEDS.token("noise")[:-8]))
