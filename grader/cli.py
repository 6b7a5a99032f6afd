"""The command line. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader import choices
from grader.choices import DeviceChoice, Isolation, Machines
from grader.export.formats import Format

if TYPE_CHECKING:
    from grader.batch import Outcome

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich help costs 0.1 s, most of it for Markdown that is not there
    help="Grades and verifies coursework in deep generative models, and proves its verdicts.",
)

USAGE, INFRASTRUCTURE, INTERRUPTED = 1, 2, 130


@app.command()
def run(
    submissions: choices.Submissions,
    assignment: choices.Sheet = None,
    out: choices.Out = Path("grader-out"),
    jobs: choices.Jobs = None,
    data_dir: choices.DataDir = None,
    only: choices.Only = None,
    force: choices.Force = False,
    isolation: choices.IsolatedBy = Isolation.AUTO,
    dialect: choices.Dialect = None,
    audience: choices.Readers = None,
    on: choices.On = Machines.LOCAL,
    device: choices.RunsOn = DeviceChoice.CPU,
    gpus: choices.Gpus = None,
    per_gpu: choices.PerGpu = 1,
    partition: choices.Partition = "",
    gpus_per_task: choices.GpusPerTask = 0,
    shard: choices.Shard = 50,
    time: choices.Time = "",
) -> None:
    """Grade submissions. Exit status: 0 all graded, 1 usage or configuration, 2 our failures."""
    from rich.console import Console

    from grader.batch import Options, run_batch
    from grader.display import display_for
    from grader.schedule.slurm import Request
    from grader.summary import print_outcome

    console = Console()
    with _told():
        options = Options(
            submissions,
            out,
            assignment,
            jobs=jobs,
            data_dir=data_dir,
            only=tuple(only or ()),
            force=force,
            isolation=isolation.value,
            dialect=dialect,
            audience=audience and audience.value,
            slurm=Request(partition, gpus_per_task, shard, time) if on is Machines.SLURM else None,
            device=device.value,
            gpus=gpus,
            per_gpu=per_gpu,
        )
        outcome = run_batch(options, display_for(console))
    print_outcome(console, outcome, str(out))
    raise typer.Exit(_status(outcome))


@app.command()
def worker(
    bundle: Annotated[Path, typer.Option(help="A shard, as `grader run --on slurm` makes them.")],
    out: Annotated[Path, typer.Option(help="Folder that receives a file for each result.")],
    jobs: Annotated[int, typer.Option(min=1, help="Submissions at a time.")] = 1,
) -> None:
    """Grade a shard on the machine of a cluster. Exit status as of `grader run`."""
    from grader.schedule.task import run_task

    with _told():
        fine = run_task(
            bundle, out, jobs, lambda result: typer.echo(f"{result.student_id} {result.status}")
        )
    if not fine:
        raise typer.Exit(INFRASTRUCTURE)


@app.command()
def check(
    notebook: Annotated[Path, typer.Argument(help="Your own notebook.")],
    assignment: Annotated[str | None, typer.Option(help="Name or folder.")] = None,
) -> None:
    """Try the public checks on your own notebook, in this process, before you hand it in."""
    from grader.selfcheck import check_notebook, print_verdicts

    with _told():
        verdicts = check_notebook(notebook, assignment)
    if not print_verdicts(verdicts):
        raise typer.Exit(1)


@app.command()
def audit(
    assignment: Annotated[str, typer.Argument(help="Name or folder.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON document instead.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder that receives audit.html.")] = None,
    dialect: Annotated[str | None, typer.Option(help="Another course's sheet.")] = None,
) -> None:
    """Prove an assignment: mistakes fail, right answers pass. Exit status 1 where they do not."""
    from grader.auditing import audit_assignment, print_json, print_tables, write_page

    with _told():
        done = audit_assignment(assignment, dialect)
        page = out and write_page(done, out)
    if json:
        print_json(done)
    else:
        print_tables(done)
        if page:
            typer.echo(page)
    if done.report.problems:
        raise typer.Exit(1)


@app.command()
def release(
    assignment: Annotated[str, typer.Argument(help="Name or folder.")],
    out: Annotated[Path, typer.Option(help="Folder of the kit; must not exist.")],
) -> None:
    """Make the students' kit: the notebook without solutions, and the public checks."""
    from grader.assignment import load
    from grader.release import release as make_kit

    with _told():
        files = make_kit(load(assignment), out)
    typer.echo(f"{out}: {len(files)} files; try it: cd {out} && pytest")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="The --out folder of a run.")],
    audience: choices.Readers = None,
) -> None:
    """Write grades and pages anew from the results of a run."""
    from grader.batch import write_outputs
    from grader.store import FILE, Store

    with _told():
        if not (folder / FILE).is_file():
            from grader.errors import UsageError

            raise UsageError(f"{folder} holds no results; `grader run SUBMISSIONS` makes them")
        with Store(folder) as store:
            outcome = write_outputs(store, folder, audience and audience.value)
    for page in outcome.pages:
        typer.echo(f"{folder}/{page}")


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="The --out folder of a run.")],
    format: Annotated[Format, typer.Option(help="For which program.")],
    out: Annotated[Path, typer.Option(help="File to write; a folder for gradescope.")],
    roster: Annotated[
        Path | None, typer.Option(help="CSV of the students, such as the platform's own export.")
    ] = None,
) -> None:
    """Write the results of a run for another program."""
    from grader.exporting import export as write

    with _told():
        done = write(folder, format, out, roster)
    for line in done.printed:
        typer.echo(line)
    for note in done.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(
        done.files[0] if len(done.files) == 1 else f"{out}: {len(done.files)} files", err=True
    )


@app.command()
def replay(
    token: Annotated[str, typer.Argument(help="From the evidence of a verdict.")],
    run: Annotated[Path, typer.Option(help="The --out folder of the run.")] = Path("grader-out"),
    submissions: Annotated[
        Path | None, typer.Option(help="Where they are; where the run found them when absent.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="As it was given to the run.")] = None,
) -> None:
    """Reach one verdict again, and print its evidence. Exit status 1 where it is another one."""
    from grader.replaying import replay as again

    with _told():
        replayed = again(token, run, submissions, data_dir)
    for line in replayed.lines():
        typer.echo("".join(c if c.isprintable() else " " for c in line))
    if not replayed.same:
        raise typer.Exit(USAGE)


@app.command()
def review(
    folder: Annotated[Path, typer.Argument(help="The --out folder of a run.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    author: Annotated[
        list[str] | None, typer.Option(help="Who marks, an address each; may be repeated.")
    ] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Withhold names and ids.")] = False,
) -> None:
    """Mark what waits for a person, and overrule verdicts, on a page in your browser."""
    from grader.review import serve

    with _told():
        serve(folder, port, author or [], blind, typer.echo)


@app.command()
def doctor() -> None:
    """See whether this machine can grade safely, by trying what must be denied."""
    from grader.doctor import examine

    if not examine():
        raise typer.Exit(USAGE)


@app.command()
def new(name: Annotated[str, typer.Argument(help="Folder of the new assignment.")]) -> None:
    """Make the skeleton of an assignment that runs at once."""
    from grader.skeleton import make

    with _told():
        made = make(Path(name))
    typer.echo(f"{made}: read assignment.toml, then `grader run {made}/submissions`")


def _status(outcome: Outcome) -> int:
    if outcome.stopped:
        return INTERRUPTED
    return INFRASTRUCTURE if outcome.infrastructure else 0


@contextmanager
def _told() -> Iterator[None]:
    """Turns what somebody has to act on into one sentence and the documented exit status."""
    from grader.errors import GraderError, InfrastructureError

    try:
        yield
    except InfrastructureError as error:
        _fail(error, INFRASTRUCTURE)
    except GraderError as error:
        _fail(error, USAGE)
    except KeyboardInterrupt:
        typer.echo("grader: stopped; the same command goes on", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


def _fail(error: Exception, status: int) -> None:
    # One line without control characters, whatever file names and foreign messages hold.
    line = "".join(c if c.isprintable() else " " for c in str(error))
    typer.echo(f"grader: {line}", file=sys.stderr)
    raise typer.Exit(status)


if __name__ == "__main__":
    app()
