"""Running a notebook cell by cell under deadlines and an output budget."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal
from nbformat import NotebookNode
from nbformat.v4 import new_output

from grader.assignment import Limits

INTERRUPT_SECONDS = 5.0
OUTPUT_NOTE = "\n[output cut here: the limit of this assignment is reached]\n"


class UnresponsiveError(Exception):
    """The kernel did not come back after an interrupt."""


class Execution(NotebookClient):
    """Executes every cell, whatever the others did.

    An error in a cell stays in its output. A cell past its deadline is interrupted and the next
    one goes on; a kernel that ignores the interrupt ends the run.

    Args:
        notebook: executed in place.
        limits: cell and total seconds, and bytes of output.
        on_cell: called with index and count after every cell.
        **options: of `NotebookClient`.
    """

    def __init__(
        self,
        notebook: NotebookNode,
        limits: Limits,
        on_cell: Callable[[int, int], None],
        **options: Any,
    ) -> None:
        super().__init__(
            notebook,
            allow_errors=True,
            interrupt_on_timeout=True,
            timeout_func=self._seconds_left,
            startup_timeout=60,
            iopub_timeout=2,
            store_widget_state=False,
            record_timing=False,
            **options,
        )
        self._limits = limits
        self._on_cell = on_cell
        self._output_left = limits.output
        self._end = float("inf")
        self.timed_out: list[int] = []

    async def run(self) -> None:
        """Executes all cells.

        Raises:
            DeadKernelError: the kernel ended.
            UnresponsiveError: it ignored an interrupt.
        """
        self.reset_execution_trackers()
        self._end = time.monotonic() + self._limits.total_seconds
        for index, cell in enumerate(self.nb.cells):
            if time.monotonic() >= self._end:
                self.timed_out.append(index)
                return
            await self.async_execute_cell(cell, index, self.code_cells_executed + 1)
            self._on_cell(index, len(self.nb.cells))

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> Any:
        """Takes an output while the budget lasts; messages of a strange form are passed over."""
        if msg.get("msg_type") in ("comm_open", "comm_msg", "comm_close"):
            return None
        if msg.get("msg_type") != "status" and not self._within_budget(msg, cell):
            return None
        try:
            return super().process_message(msg, cell, cell_index)
        except CellControlSignal:
            raise
        except Exception:  # noqa: BLE001  whatever a forged message trips over is the student's
            return None

    def _within_budget(self, msg: dict[str, Any], cell: NotebookNode) -> bool:
        if self._output_left < 0:
            return False
        self._output_left -= len(json.dumps(msg.get("content"), default=str))
        if self._output_left < 0:
            cell.outputs.append(new_output("stream", name="stderr", text=OUTPUT_NOTE))
            return False
        return True

    def _seconds_left(self, _cell: NotebookNode) -> float:
        return max(0.1, min(self._limits.cell_seconds, self._end - time.monotonic()))

    async def _async_handle_timeout(self, timeout: int, cell: NotebookNode | None = None) -> None:
        index = self.nb.cells.index(cell)
        if index not in self.timed_out:
            self.timed_out.append(index)
        # An interrupt can be lost in a callback that ignores exceptions; two are not.
        for _ in range(2):
            await self.km.interrupt_kernel()
            if await self.kc.shell_channel.socket.poll(INTERRUPT_SECONDS * 1000):
                return
        raise UnresponsiveError(f"a cell ignored the interrupt after {timeout:.0f} s")
