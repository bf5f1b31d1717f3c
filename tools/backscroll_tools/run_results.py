"""The result of a tool that starts or changes a run."""

from backscroll_tools.models import JSON
from backscroll_tools.tool import Result


def run_result(done: str, thread_id: str, run_id: str, raw: JSON) -> Result:
    """Return the result of a tool that has started or changed a run.

    Args:
        done: what was done, such as `Cancelled`.
        thread_id: the id of the run's thread.
        run_id: the run's id.
        raw: the run, as the upstream sent it.
    """
    names = ("status", "assistant_id")
    known = {name: raw[name] for name in names if isinstance(raw.get(name), str)}
    status = f" ({known['status']})" if "status" in known else ""
    text = f"{done} run {run_id} in thread {thread_id}{status}."
    return Result(text, {"thread_id": thread_id, "run": {"id": run_id, **known}})
