"""The rules of a feasibility question, read from its JSON and walked through time; shared with nothing."""

from __future__ import annotations

from typing import Any


def broken_kinds(question: dict[str, Any], start: list[int]) -> set[str]:
    """Kinds of rules that these start times break."""
    tasks = question["tasks"]
    end = [begin + task["duration"] for task, begin in zip(tasks, start, strict=True)]
    found = set()
    for i, task in enumerate(tasks):
        if any(start[i] < end[before] for before in task.get("after", [])):
            found.add("precedence")
        if start[i] < task.get("release", 0) or end[i] > task.get("deadline", end[i]):
            found.add("window")
    for time in range(max(end, default=0)):
        running = [i for i in range(len(tasks)) if start[i] <= time < end[i]]
        for resource in question["resources"]:
            key = str(resource["id"])
            used = sum(tasks[i]["demand"].get(key, 0) for i in running)
            if used > resource["capacity"]:
                found.add("resource")
            if used and any(begin <= time < until for begin, until in resource.get("downtime", [])):
                found.add("downtime")
        if any(i in running and j in running for i, j in question.get("not_together", [])):
            found.add("pair")
    return found
