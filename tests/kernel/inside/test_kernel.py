from __future__ import annotations

from grader.kernel.inside.kernel import _transform_once


class Shell:
    """Counts what it has to transform."""

    def __init__(self) -> None:
        self.transformed: list[str] = []

    def transform_cell(self, source: str) -> str:
        self.transformed.append(source)
        return source.replace("%", f"magic {len(self.transformed)} ")


def test_a_cell_is_transformed_once_for_the_kernel_and_its_shell() -> None:
    shell = Shell()
    _transform_once(shell)
    cell = "%time"
    assert [shell.transform_cell(cell) for _ in range(2)] == ["magic 1 time"] * 2
    assert shell.transformed == [cell]


def test_the_same_text_in_another_cell_is_transformed_again() -> None:
    shell = Shell()
    _transform_once(shell)
    first, second = "".join(["%", "time"]), "".join(["%", "time"])
    both = [shell.transform_cell(cell) for cell in (first, first, second, second, first)]
    assert both == ["magic 1 time"] * 2 + ["magic 2 time"] * 2 + ["magic 3 time"]
