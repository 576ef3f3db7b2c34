"""Where things lie in the int64 arrays of a shop and of a schedule in the making.

One array holds a shop, one array holds a state: a row of a batch is a slice, a fork is a copy, and a call passes two
pointers however many fields there are. Both begin with a header. A place in the header of a shop is named like the
field of ``ShopView`` it belongs to and holds the position of that field's first value in the same array, 0 if the
instance does not use it: ``shop[shop[DURATION] + mode]`` is the duration of a mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from makespan.instances.instance import IntArray
from makespan.solvers.kernels.tournament import tree_size

if TYPE_CHECKING:
    from makespan.instances.shop_view import ShopView

SHOP_FIELDS = (
    "job_ptr",
    "mode_ptr",
    "machine",
    "duration",
    "line_ptr",
    "release",
    "deadline",
    "transport",
    "family",
    "setup_time",
    "first_family",
    "window_ptr",
    "window_begin",
    "window_end",
    "period",
    "always_open",
    "pausable",
    "fixed_start",
    "fixed_end",
    "fixed_order",
    "objective",
    "task_release",
    "task_due",
    "task_weight",
    "job_release",
    "job_due",
    "job_weight",
)
(
    JOB_PTR,
    MODE_PTR,
    MACHINE,
    DURATION,
    LINE_PTR,
    RELEASE,
    DEADLINE,
    TRANSPORT,
    FAMILY,
    SETUP_TIME,
    FIRST_FAMILY,
    WINDOW_PTR,
    WINDOW_BEGIN,
    WINDOW_END,
    PERIOD,
    ALWAYS_OPEN,
    PAUSABLE,
    FIXED_START,
    FIXED_END,
    FIXED_ORDER,
    OBJECTIVE,
    TASK_RELEASE,
    TASK_DUE,
    TASK_WEIGHT,
    JOB_RELEASE,
    JOB_DUE,
    JOB_WEIGHT,
    NUM_JOBS,
    NUM_MACHINES,
    NUM_OPERATIONS,
    NUM_MODES,
    NUM_FAMILIES,
    NUM_FIXED,
    NUM_OBJECTIVES,
    REAL_JOBS,
    SHOP_HEADER,
) = range(len(SHOP_FIELDS) + 9)

# The header of a state: scheme and rule; whether all jobs compete (BY_JOB), whether priorities are known beforehand, so
# that no job waits in a queue (LAZY), or starts depend on jobs and the ends of machines alone (PLAIN); how many fixed
# starts and deadlines are missed; how many jobs have operations left; then where its parts lie.
(
    SCHEME,
    DELTA,
    RULE_KIND,
    BY_JOB,
    LAZY,
    PLAIN,
    LATE,
    UNFINISHED,
    JOBS,  # JOB_SIZE values per job
    MACHINES,  # MACHINE_SIZE values per machine
    LINES,  # BLOCK_SIZE values per place: what stands on machine k, by start, from place line_ptr[k] on
    QUEUES,  # one job per place: those that wait for machine k, in no order, from place line_ptr[k] on
    TREE,  # a tournament over machines or, if BY_JOB, over jobs
    HALF,  # half its size
    START,  # per operation: the schedule
    END,
    MODE,
    STATE_HEADER,
) = range(18)

APPEND, INSERTION, GIFFLER_THOMPSON, NON_DELAY = range(4)
"""Values of SCHEME, see ``dispatch``."""

# A job: its next operation (job_ptr[j + 1] when it is done); end and machine (-1: none) of the one before; the mode it
# prefers for the next, with start, end and priority there; its place in the queue.
OP, READY, ORIGIN, CHOICE, CHOICE_START, CHOICE_END, KEY, SLOT, JOB_SIZE = range(9)

# A machine: operations on its line, the place behind the one appended last, jobs in its queue, and a time before which
# nothing more starts. A PLAIN state keeps no lines and no more of a machine than that, the end of its last operation.
SIZE, CURSOR, WAITING, FREE, MACHINE_SIZE = range(5)

BLOCK_START, BLOCK_END, BLOCK_MODE, BLOCK_SIZE = range(4)


def pack_shop(view: ShopView) -> IntArray:
    """The array of a shop, read-only; take it as ``view.derived(pack_shop)``. O(size of the view)."""
    parts: list[IntArray] = []
    header = np.zeros(SHOP_HEADER, np.int64)
    at = SHOP_HEADER
    for place, name in enumerate(SHOP_FIELDS):
        values: IntArray = getattr(view, name).ravel()
        header[place] = at if values.size else 0
        parts.append(values)
        at += values.size
    header[NUM_JOBS], header[NUM_MACHINES] = view.num_jobs, view.num_machines
    header[NUM_OPERATIONS], header[NUM_MODES] = view.num_operations, view.duration.size
    header[NUM_FAMILIES], header[NUM_FIXED] = view.setup_time.shape[0], view.fixed_order.size
    header[NUM_OBJECTIVES], header[REAL_JOBS] = view.objective.size, view.real_jobs
    packed = np.concatenate((header, *parts))
    packed.setflags(write=False)
    return packed


def new_state(view: ShopView) -> IntArray:
    """Room for one schedule of the shop; ``dispatch.begin`` makes it a state."""
    places = int(view.line_ptr[-1])
    tree = tree_size(max(view.num_jobs, view.num_machines))
    sizes = {
        JOBS: JOB_SIZE * view.num_jobs,
        MACHINES: MACHINE_SIZE * view.num_machines,
        LINES: BLOCK_SIZE * places,
        QUEUES: places,
        TREE: tree,
        START: view.num_operations,
        END: view.num_operations,
        MODE: view.num_operations,
    }
    state = np.zeros(STATE_HEADER + sum(sizes.values()), np.int64)
    at = STATE_HEADER
    for place, size in sizes.items():
        state[place] = at
        at += size
    state[HALF] = tree // 2
    return state
