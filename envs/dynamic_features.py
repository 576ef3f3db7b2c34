"""The features of simulated shops: names, meanings and scales, in numbered versions that never change.

Times are divided by the mean duration of the instance or by the mean work of its jobs, numbers of jobs by the places in
the shop (*room*). Durations are planned ones.
"""

from __future__ import annotations

from makespan.envs.features import Feature

DYNAMIC_CANDIDATE_V1 = (
    Feature("duration", "mean duration", "duration of the operation"),
    Feature("completion", "work of the job", "work up to and including the operation"),
    Feature("operations_left", "longest job", "operations of the job behind this one"),
    Feature("waited", "mean duration", "time since the job has been ready for it"),
    Feature("rest", "mean work", "work of the job behind the operation"),
    Feature("blocked", "none", "1 if the job stands on another machine, done there"),
    Feature("blocked_for", "mean duration", "for how long; 0 if it does not"),
    Feature("left_down", "none", "1 if that machine is down"),
    Feature("left_queue", "room", "jobs that wait for that machine"),
    Feature("queue", "room", "jobs that wait for this machine"),
    Feature("next_duration", "mean duration", "duration of the following operation"),
    Feature("next_queue", "room", "jobs that wait for the machine of that one"),
    Feature("next_work", "mean duration", "durations of their operations there"),
    Feature("next_busy", "mean duration", "time until the operation on that machine should end"),
    Feature("next_down", "none", "1 if that machine is down"),
    Feature("next_down_for", "mean duration", "time until it is repaired; -1 if not known"),
    Feature("slack", "mean work", "time to the due date beyond the work left, within -1 to 1; 1 without a due date"),
    Feature("weight", "mean weight", "weight of the job"),
    Feature("in_shop", "room", "jobs in the shop"),
    Feature("wait", "none", "1 for leaving the machine empty, whose other features but the former are 0"),
)

DYNAMIC_CANDIDATE_V2 = (
    *DYNAMIC_CANDIDATE_V1,
    Feature("atc", "none", "how often its priority by ATC must double to be the first candidate's, at most 8"),
    Feature("covert", "none", "the same by COVERT"),
    Feature("longer", "none", "how often the shortest duration of the candidates must double to be this one's"),
    Feature("slack_ratio", "none", "slack over the work left of the job, within -4 to 4; 4 without a due date"),
    Feature("work_left", "none", "log2 of 1 + work left of the job in mean durations"),
    Feature("log_slack", "none", "log2 of 1 + |slack| in mean durations, with its sign; 8 without a due date"),
)

DYNAMIC_OPERATION_V1 = (
    Feature("not_started", "none", "1 if the operation has not been started"),
    Feature("running", "none", "1 if it is being processed, or interrupted"),
    Feature("ready", "none", "1 if all before it is done and it has not been started"),
    Feature("duration", "mean duration", "its duration"),
    Feature("completion", "work of the job", "work up to and including the operation"),
    Feature("operations_left", "longest job", "operations of the job behind this one"),
    Feature("waited", "mean duration", "time since it has been ready; 0 if it is not"),
    Feature("remaining", "mean duration", "time until it should end if it is running, else -1"),
    Feature("blocked", "none", "1 if it is ready and its job stands on a machine"),
    Feature("machine_down", "none", "1 if its machine is down"),
    Feature("machine_down_for", "mean duration", "time until that is repaired; -1 if not known"),
    Feature("slack", "mean work", "time to the due date beyond the job's work left, within -1 to 1; 1 without one"),
    Feature("weight", "mean weight", "weight of the job"),
)

DYNAMIC_MACHINE_V1 = (
    Feature("down", "none", "1 if the machine is down"),
    Feature("down_for", "mean duration", "time until it is repaired; -1 if not known"),
    Feature("running", "none", "1 if there is an operation on it that has not ended"),
    Feature("remaining", "mean duration", "time until that should end"),
    Feature("blocked", "none", "1 if there is a job on it that is done there"),
    Feature("queue", "room", "jobs that wait for it"),
    Feature("work", "mean duration", "durations of their operations on it"),
    Feature("left", "mean work", "durations of all operations of jobs in the shop that need it and have not ended"),
    Feature("deciding", "none", "1 for the machine that candidates are for"),
)

DYNAMIC_CANDIDATE_FEATURES = {1: DYNAMIC_CANDIDATE_V1, 2: DYNAMIC_CANDIDATE_V2}
DYNAMIC_OPERATION_FEATURES = {1: DYNAMIC_OPERATION_V1}
DYNAMIC_MACHINE_FEATURES = {1: DYNAMIC_MACHINE_V1}
