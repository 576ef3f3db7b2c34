"""The features that observations are made of: names, meanings and scales, in numbered versions that never change.

Every time is divided by a time of the instance itself: its *bound* (the larger of the longest job and the largest
machine load), its mean duration, or the lower bound of the row. The *clock* is the least start among the candidates.
"""

from __future__ import annotations

from typing import NamedTuple


class Feature(NamedTuple):
    """One number of an observation."""

    name: str
    scale: str
    meaning: str


CANDIDATE_V1 = (
    Feature("duration", "mean duration", "processing time"),
    Feature("delay", "mean duration", "start after the clock"),
    Feature("end", "mean duration", "end after the least end of all candidates"),
    Feature("waited", "mean duration", "start after the job could be at the machine"),
    Feature("idle", "mean duration", "start after the machine was free"),
    Feature("rest", "bound", "least work of the job behind this operation"),
    Feature("operations_left", "longest job", "operations of the job behind this one"),
    Feature("job_bound", "lower bound", "end of the job if it never waits again"),
    Feature("machine_left", "bound", "work left for the machine"),
    Feature("machine_bound", "lower bound", "end of the machine if it never idles again"),
    Feature("queue", "number of jobs", "candidates on the same machine"),
    Feature("next_duration", "mean duration", "shortest duration of the job's following operation"),
    Feature(
        "next_wait", "mean duration", "how long the first machine of that one stays busy after this end; may be < 0"
    ),
    Feature("next_left", "bound", "work left for that machine"),
    Feature("shortest", "duration", "shortest duration in any mode over this one; 1 where there is no choice"),
    Feature("placed", "number of operations", "operations of the shop that are placed"),
    Feature("slack", "bound", "due date of the job after its bound, within -1 to 1; 1 without a due date"),
    Feature("weight", "mean weight", "weight of the job"),
    Feature("wait", "none", "1 for the candidate that lets the clock run on, whose other features are 0"),
)

LOOKAHEAD_V2 = (
    Feature("own_bound", "lower bound", "bound of its machine if it goes next there, and each operation runs shortest"),
    Feature("own_regret", "mean duration", "that above the least among the candidates"),
    Feature("worst_bound", "lower bound", "largest bound of a machine or job then"),
    Feature("worst_regret", "mean duration", "that above the least"),
    Feature("mean_regret", "mean duration", "mean bound of the machines above the least"),
    Feature("pushed", "bound x jobs", "sum of the delays of the other jobs that need its machine"),
    Feature("next_bound", "lower bound", "bound of the machine that its job needs next"),
    Feature("next_queue", "number of jobs", "operations that could be at that machine by its end"),
)

CANDIDATE_V2 = (*CANDIDATE_V1, *LOOKAHEAD_V2)

OTHER_MODES_V3 = (
    Feature("other_end", "mean duration", "least end in another mode after this one; may be < 0; 0 without another"),
    Feature("others", "number of machines", "other modes of the operation"),
)

CANDIDATE_V3 = (*CANDIDATE_V2, *OTHER_MODES_V3)

OPERATION_V1 = (
    Feature("placed", "none", "1 if the operation is placed"),
    Feature("next", "none", "1 if it is the next one of its job"),
    Feature("duration", "mean duration", "in its mode if placed, else the shortest"),
    Feature("mean_duration", "mean duration", "over its modes, or of its mode if placed"),
    Feature("start", "bound", "start after the clock, if placed, or the earliest if its job never waits again"),
    Feature("tail", "bound", "least work of the job behind it"),
    Feature("job_bound", "lower bound", "end of the job if it never waits again"),
    Feature("modes", "number of machines", "modes it can choose from"),
)

MACHINE_V1 = (
    Feature("free", "mean duration", "free after the clock; may be < 0"),
    Feature("left", "bound", "expected work left"),
    Feature("load", "bound", "expected work in all"),
    Feature("bound", "lower bound", "end if it never idles again"),
    Feature("queue", "number of jobs", "jobs whose next operation, in its preferred mode, needs it"),
)

ACTIVITY_CANDIDATE_V1 = (
    Feature("duration", "mean duration", "duration in this mode"),
    Feature("delay", "mean duration", "start after the clock"),
    Feature("end", "mean duration", "end after the least end of all candidates"),
    Feature("waited", "mean duration", "start after its predecessors and release allow one"),
    Feature("slack", "lower bound", "lower bound after the start and what must follow it; 0 is critical, may be < 0"),
    Feature("tail", "bound", "least time from its end to the end of the project"),
    Feature("successors", "most arcs", "arcs that leave it"),
    Feature("largest_demand", "capacity", "largest demand"),
    Feature("mean_demand", "capacity", "mean demand over the renewable resources"),
    Feature("scarcity", "bound x capacity", "largest energy left among the resources it needs"),
    Feature("fullest", "capacity", "largest use at its start, its own included"),
    Feature("shortest", "duration", "shortest usable duration over this one; 1 where there is no choice"),
    Feature("spending", "budget", "largest share of what is left to spend beyond the least"),
    Feature("placed", "number of activities", "activities of the project that are placed"),
    Feature("due_slack", "bound", "due date after its end, within -1 to 1; 1 without a due date"),
    Feature("weight", "mean weight", "its weight"),
)

ACTIVITY_V1 = (
    Feature("placed", "none", "1 if the activity is placed"),
    Feature("eligible", "none", "1 if all its predecessors are placed and it is not"),
    Feature("duration", "mean duration", "in its mode if placed, else in the shortest one"),
    Feature("start", "bound", "start after the clock, if placed, or the earliest known"),
    Feature("tail", "bound", "least time from its start to the end of the project"),
    Feature("path", "lower bound", "its start and that time"),
    Feature("largest_demand", "capacity", "largest demand, in that mode"),
    Feature("mean_demand", "capacity", "mean demand over the renewable resources, in that mode"),
)

RESOURCE_V1 = (
    Feature("renewable", "none", "1 or 0"),
    Feature("used", "capacity", "use at the clock"),
    Feature("left", "bound x capacity", "least energy of the activities that are not placed"),
    Feature("load", "bound x capacity", "least energy of all activities"),
    Feature("budget", "capacity", "what a nonrenewable resource has left beyond the least spending; 0 for renewable"),
)

ACTIVITY_CANDIDATE_FEATURES = {1: ACTIVITY_CANDIDATE_V1}
ACTIVITY_FEATURES = {1: ACTIVITY_V1}
RESOURCE_FEATURES = {1: RESOURCE_V1}
CANDIDATE_FEATURES = {1: CANDIDATE_V1, 2: CANDIDATE_V2, 3: CANDIDATE_V3}
OPERATION_FEATURES = {1: OPERATION_V1}
MACHINE_FEATURES = {1: MACHINE_V1}
