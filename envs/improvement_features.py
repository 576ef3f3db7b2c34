"""The features of ``JobShopImprovement``: names, meanings and scales, in numbered versions that never change.

The *makespan* is that of the schedule as it stands, the *incumbent* the least of the episode so far, the *bound* the
larger of the longest job and the largest machine load. The head of an operation is its earliest start, its tail the
longest time from its end to the end of the schedule.
"""

from __future__ import annotations

from makespan.envs.features import Feature

MOVE_V1 = (
    Feature("change", "makespan", "estimated makespan after the move less the one before; may be < 0"),
    Feature("later", "none", "1 if the operation moves to a later place, 0 to an earlier one"),
    Feature("distance", "operations of the machine", "places that it moves"),
    Feature("duration", "mean duration", "of the operation that moves"),
    Feature("other_duration", "mean duration", "of the operation whose place it takes"),
    Feature("block", "operations of the machine", "operations of the block"),
    Feature("front", "none", "1 if the move begins or ends at the first place of the block"),
    Feature("back", "none", "1 if the move begins or ends at the last place of the block"),
    Feature("head", "makespan", "earliest start among the operations that change places"),
    Feature("excess", "incumbent", "makespan less the incumbent"),
    Feature("gap", "makespan", "makespan less the bound"),
    Feature("used", "steps", "moves made in this episode"),
)

IMPROVED_OPERATION_V1 = (
    Feature("duration", "mean duration", "processing time"),
    Feature("head", "makespan", "earliest start"),
    Feature("tail", "makespan", "longest time from its end to the end of the schedule"),
    Feature("slack", "makespan", "how much later it could start without a longer schedule"),
    Feature("critical", "none", "1 if the slack is 0"),
    Feature("place", "operations of the machine", "operations before it on its machine"),
    Feature("operations", "most operations of a machine", "operations of its machine"),
    Feature("idle", "mean duration", "its start after the end of the operation before it on its machine"),
    Feature("waited", "mean duration", "its start after its job and its release allowed one"),
)

MOVE_FEATURES = {1: MOVE_V1}
IMPROVED_OPERATION_FEATURES = {1: IMPROVED_OPERATION_V1}
