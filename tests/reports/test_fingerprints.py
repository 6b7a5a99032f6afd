from __future__ import annotations

import random
import time

import pytest

from reports.fingerprints import NOISE, WINDOW, Code, code_of, grams_of
from reports.notebook import Cell

KLD = """def KLD(mean, log_std):
    \"\"\"One number per image.\"\"\"
    var = torch.exp(2 * log_std)  # (B, D)
    return 0.5 * (var + mean ** 2 - 1 - 2 * log_std).sum(dim=-1)
"""
RENAMED = """def KLD(m, s):
    # mine
    '''All by myself.'''
    v = torch.exp(2*s)

    return 0.5 * (v
                  + m**2 - 1
                  - 2*s).sum(dim=-1)
"""


def code(*sources: str, known: frozenset[int] = frozenset()) -> Code:
    return code_of("kim", [Cell("code", source) for source in sources], known)


def sentence(seed: int, length: int) -> str:
    """Numbers joined by operators: as many tokens as wanted, and others for each seed."""
    rng = random.Random(seed)
    words = [str(rng.randrange(10**6)) if i % 2 else rng.choice("+-*/") for i in range(length)]
    return " ".join(words)


def test_names_comments_and_layout_make_no_difference() -> None:
    assert code(KLD).prints.keys() == code(RENAMED).prints.keys()
    assert len(code(KLD).prints) > 5


def test_what_a_library_calls_its_functions_does() -> None:
    assert code(KLD).prints.keys() != code(KLD.replace("exp", "log")).prints.keys()


@pytest.mark.parametrize("seed", range(20))
def test_a_passage_as_long_as_the_guarantee_is_always_found(seed: int) -> None:
    passage = sentence(seed, NOISE + WINDOW - 1)
    one = f"{sentence(1000 + seed, 61)} {passage} {sentence(2000 + seed, 33)}"
    other = f"{sentence(3000 + seed, 20 + seed)} {passage}"
    assert code(one).prints.keys() & code(other).prints.keys()


@pytest.mark.parametrize("seed", range(20))
def test_a_passage_below_the_noise_is_never_found(seed: int) -> None:
    passage = sentence(seed, NOISE - 1)
    one = f"{sentence(1000 + seed, 61)} % {passage} % {sentence(2000 + seed, 33)}"
    other = f"{sentence(3000 + seed, 20 + seed)} @ {passage} @"
    assert not code(one).prints.keys() & code(other).prints.keys()


def test_fingerprints_keep_their_cell_and_lines() -> None:
    found = code("\n\n", sentence(1, 40), "\n\n" + KLD)
    places = [place for places in found.prints.values() for place in places]
    assert {place.cell for place in places} == {2, 3}
    assert all(place.first == place.last == 1 for place in places if place.cell == 2)
    lines = {(place.first, place.last) for place in places if place.cell == 3}
    assert min(first for first, _ in lines) == 3
    assert max(last for _, last in lines) == 6


def test_what_is_given_is_nobodys_own() -> None:
    given = grams_of([Cell("code", KLD)])
    assert code(RENAMED, known=given).prints == {}
    assert code(f"{sentence(1, 60)}\n{KLD}", known=given).prints


def test_an_empty_stub_is_no_code() -> None:
    stub = "def f(a, b, c, d, e):\n    # YOUR CODE HERE\n    raise NotImplementedError()\n"
    assert code(stub).prints == {}


def test_text_cells_and_what_is_no_python_are_passed_over() -> None:
    assert code_of("kim", [Cell("text", KLD)]).sources == {}
    assert code("%matplotlib inline\n!pip install '''", '"' * 5, "\x00\ud800é").prints == {}


@pytest.mark.parametrize("piece", ["'''\"\"\"", "'", '"', "\\", "(", "a", "0" * 50, " \n"])
def test_a_hostile_cell_is_read_in_no_time(piece: str) -> None:
    begun = time.process_time()
    code((piece * 12_000)[:100_000])
    assert time.process_time() - begun < 3
