from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import pytest

from grader.assignment import load
from grader.checks.verdict import Outcome
from grader.marks import Marks
from grader.results import SubmissionResult
from grader.store import FILE, Store
from tests.reports import sample_notebook
from tests.reports.sample_verdicts import XSS
from tests.review import evening
from tests.review.conftest import Marker, review
from tests.review.evening import address

MC, KL = address("mc", "s1001"), address("kl", "s1002")


def effective(out: Path, student: str) -> SubmissionResult:
    with Store(out) as store:
        return next(result for result in store.results() if result.student_id == student)


def test_the_overview_counts_what_is_left(ann: Marker) -> None:
    assert ann.see("/").count("0 of 2 marked") == 3
    ann.mark(MC, points="1")
    page = ann.see("/")
    assert page.count("0 of 2 marked") == 2
    assert page.count("1 of 2 marked") == 1
    assert f'href="{address("mc", "s1002")}">Mark' in page


def test_an_answer_stands_beside_its_rubric(ann: Marker) -> None:
    page = ann.see(address("samples", "s1001"))
    assert "says that strokes are blurred" in page
    assert 'src="data:image/png;base64' in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; is not." in page


def test_saving_goes_on_to_the_next_that_waits(ann: Marker, out: Path) -> None:
    saved = ann.mark(MC, points="1,5", comment="Nearly.")
    assert (saved.status_code, saved.headers["location"]) == (303, address("mc", "s1002"))
    last = ann.mark(address("mc", "s1002"), points="0")
    assert last.headers["location"] == "/"
    verdict = effective(out, "s1001").verdicts[0]
    assert (verdict.verdict, verdict.points, verdict.message) == (Outcome.PARTIAL, 1.5, "Nearly.")
    assert verdict.by == "Ann"


@pytest.mark.parametrize("points", ["", "3", "much"])
def test_wrong_points_are_told_and_the_text_is_kept(ann: Marker, out: Path, points: str) -> None:
    refused = ann.mark(MC, points=points, comment="Long thought of.")
    assert refused.status_code == 422
    assert "Points are a number from 0 to 2." in refused.text
    assert "Long thought of." in refused.text
    assert Marks(out / FILE).by_place() == {}


def test_changing_a_mark_needs_a_reason(ann: Marker, out: Path) -> None:
    ann.mark(MC, points="1")
    refused = ann.mark(MC, points="2")
    assert refused.status_code == 422
    assert "Say why" in refused.text
    changed = ann.mark(MC, points="2", reason="Overlooked the margin.")
    assert changed.headers["location"] == MC
    page = ann.see(MC)
    assert "Reason: Overlooked the margin." in page
    assert "<strong>1</strong> / 2" in page
    assert effective(out, "s1001").verdicts[0].points == 2


def test_overruling_needs_a_reason_and_keeps_the_checks_verdict(ann: Marker, out: Path) -> None:
    assert ann.mark(KL, points="3").status_code == 422
    assert ann.mark(KL, points="3", reason="Wrong sheet.").headers["location"] == KL
    verdict = effective(out, "s1002").verdicts[1]
    assert (verdict.points, verdict.message) == (3, "Wrong sheet.")
    assert [kept.points for kept in verdict.overruled] == [0, 1]
    page = ann.see(KL)
    assert "Smallest input that fails" in page
    assert "1 of 2 overruled" in ann.see("/")


def test_a_mark_is_withdrawn_with_a_reason(ann: Marker, out: Path) -> None:
    ann.mark(MC, points="1")
    form = ann.form(MC)
    assert ann.send(MC, form, action="withdraw").status_code == 422
    ann.send(MC, form, action="withdraw", reason="Not mine to mark.")
    assert effective(out, "s1001").verdicts[0].verdict is Outcome.MANUAL
    assert "withdrawn" in ann.see(MC)


def test_of_two_at_once_the_later_sees_both_and_loses_nothing(
    ann: Marker, bo: Marker, out: Path
) -> None:
    of_ann, of_bo = ann.form(MC), bo.form(MC)
    assert ann.send(MC, of_ann, points="2", comment="All there.").status_code == 303
    conflict = bo.send(MC, of_bo, points="1", comment="Half.")
    assert conflict.status_code == 409
    for said in ("Two marks at the same time", "All there.", "Half."):
        assert said in conflict.text
    assert 'id="points" inputmode="decimal" autocomplete="off" size="5" value="1"' in conflict.text
    assert effective(out, "s1001").verdicts[0].points == 2
    assert "Two marks at the same time" in ann.see(MC)
    assert "1 with two marks" in ann.see("/")


def test_of_many_at_the_same_moment_on_two_servers_nothing_is_lost(out: Path) -> None:
    with review(out) as one, review(out) as other:
        markers = [arrive(f"Marker {n}") for n in range(4) for arrive in (one, other)]
        forms = [marker.form(MC) for marker in markers]
        with ThreadPoolExecutor(len(markers)) as at_once:
            sent = at_once.map(
                lambda n: markers[n].send(MC, forms[n], points="1", comment=f"Said by {n}."),
                range(len(markers)),
            )
            statuses = sorted(response.status_code for response in sent)
        page = markers[0].see(MC)
    assert statuses == [303] + [409] * 7
    kept = Marks(out / FILE).by_place()["s1001", "mc"]
    assert {mark.comment for mark in kept} == {f"Said by {n}." for n in range(8)}
    assert all(f"Said by {n}." in page for n in range(8))
    assert page.count("not in force") == 14  # seven, as rivals and in the history


def test_a_dispute_is_settled_by_whoever_saves_again(ann: Marker, bo: Marker, out: Path) -> None:
    of_ann, of_bo = ann.form(MC), bo.form(MC)
    ann.send(MC, of_ann, points="2")
    bo.send(MC, of_bo, points="1")
    settled = bo.mark(MC, points="1.5", reason="We talked.")
    assert settled.status_code == 303
    assert "Two marks at the same time" not in ann.see(MC)
    assert effective(out, "s1001").verdicts[0].points == 1.5
    assert len(Marks(out / FILE).by_place()["s1001", "mc"]) == 3


def test_sending_the_same_form_twice_is_no_dispute(ann: Marker) -> None:
    form = ann.form(MC)
    first, again = (ann.send(MC, form, points="1") for _ in range(2))
    assert (first.status_code, again.status_code) == (303, 303)
    assert "Two marks" not in ann.see(MC)


def test_what_was_said_before_is_offered_to_everybody(ann: Marker, bo: Marker) -> None:
    ann.mark(MC, points="1", comment='Say "how".')
    assert 'data-comment="Say &#34;how&#34;."' in bo.see(address("mc", "s1002"))
    assert "data-comment" not in bo.see(address("tight", "s1001"))


def test_another_hand_in_waits_again_with_the_earlier_mark_at_hand(out: Path) -> None:
    with review(out) as arrive:
        arrive("Ann").mark(MC, points="1.5", comment="Nearly.")
    with Store(out) as store:
        store.add_result("key", evening.result("s1001", digest="d2"))
    assert effective(out, "s1001").waiting
    with review(out) as arrive:
        ann = arrive("Ann")
        page = ann.see(MC)
        assert "of an earlier hand-in" in page
        assert 'value="1.5"' in page
        assert ann.mark(MC, points="1.5", comment="Nearly.").status_code == 303
    assert effective(out, "s1001").verdicts[0].points == 1.5


def test_blind_pages_name_nobody(out: Path) -> None:
    paths = [
        "/",
        "/questions/mc",
        MC,
        KL,
        address("x", "s1002").replace("questions/x", "notebooks"),
    ]
    with review(out, blind=True) as arrive:
        pages = [arrive("Ann").see(path) for path in paths]
    for page in pages:
        for told in (*evening.NAMES, *evening.NAMES.values()):
            assert told not in page
    assert "Hand-in 1" in pages[1]


def test_the_whole_notebook_is_there_for_an_answer_in_the_wrong_place(ann: Marker) -> None:
    page = ann.see(address("x", "s1002").replace("questions/x", "notebooks"))
    assert "so a few rare ones decide the mean." in page
    assert "When q(z | x) is p(z | x)." in page


@pytest.mark.parametrize(
    "path", ["/questions/none", "/questions/mc/none", "/notebooks/none", "/questions/none/none"]
)
def test_what_is_not_there_is_not_found(ann: Marker, path: str) -> None:
    assert ann.client.get(path).status_code == 404


@pytest.mark.parametrize("key", [None, "", "guessed", "ключ"])
def test_a_form_of_another_site_is_refused(ann: Marker, out: Path, key: str | None) -> None:
    form = {"points": "2", "follows": "0"} | ({} if key is None else {"key": key})
    assert ann.send(MC, form).status_code == 403
    assert ann.client.post("/write", data=form).status_code == 403
    assert Marks(out / FILE).by_place() == {}


def test_a_form_of_one_marker_is_no_use_to_another(ann: Marker, bo: Marker) -> None:
    assert bo.send(MC, ann.form(MC), points="2").status_code == 403


@pytest.mark.parametrize("body", [b"x" * 300_000, b"&".join([b"a=1"] * 99), b"\xff\xfe"])
def test_what_is_no_form_is_refused(ann: Marker, body: bytes) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert ann.client.post(MC, content=body, headers=kind).status_code == 413


def test_grades_are_written_when_asked_for(ann: Marker) -> None:
    written = ann.client.post("/write", data=ann.form(MC))
    assert 'role="status">written' in written.text


def test_nobodys_address_says_whose_it_is(ann: Marker) -> None:
    assert "s1001" not in MC
    assert evening.NAMES["s1001"] in ann.see(MC)


class Tags(HTMLParser):
    """Scripts and handlers of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[dict[str, str | None]] = []
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "base", "meta", "link"):
            self.scripts += [dict(attrs)] if tag == "script" else []
            assert tag in ("script", "meta", "link")
        self.handlers += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]


def test_nothing_hostile_becomes_part_of_a_page(tmp_path: Path) -> None:
    hostile = SubmissionResult.from_json(
        evening.result("../" + XSS, lost=True).to_json()
        | {"name": XSS + "\u202e", "executed": "../notebooks/hostile.ipynb"}
    )
    (tmp_path / "run").mkdir()
    out = evening.run_of(tmp_path / "run", evening.result("s1001"))
    document = json.dumps(sample_notebook.hostile(XSS))
    (out / "notebooks" / "hostile.ipynb").write_text(document, "utf-8")
    with Store(out) as store:
        store.add_result("key", hostile)
    student = hostile.student_id
    with review(out) as arrive:
        marker = arrive(XSS)
        assert marker.mark(address("mc", student), points="1", comment=XSS).status_code == 303
        marker.mark(address("kl", student), points="1", comment=XSS, reason=XSS)
        notebook = address("x", student).replace("questions/x", "notebooks")
        paths = ["/", "/questions/mc", notebook, *(address(q, student) for q in ("mc", "kl"))]
        for page in map(marker.see, paths):
            tags = Tags(page)
            assert tags.scripts == [{"defer": None, "src": "/keys.js"}]
            assert tags.handlers == []
            assert 'style="' not in page.replace(XSS, "")


def test_the_sheet_of_the_evening_is_an_assignment(tmp_path: Path) -> None:
    manual = {q.id: q.points for q in load(evening.assignment(tmp_path)).questions if q.manual}
    assert manual == evening.MANUAL
