"""Gymnasium environments over the kernels of ``makespan.solvers``; importing this registers them."""

from gymnasium.envs.registration import register, registry

ENVIRONMENTS = {
    "makespan/JobShop-v0": ("job_shop:JobShopEnv", "job_shop:JobShopVectorEnv"),
    "makespan/JobShopImprovement-v0": (
        "improvement:JobShopImprovementEnv",
        "improvement:JobShopImprovementVectorEnv",
    ),
    "makespan/DynamicJobShop-v0": ("dynamic:DynamicJobShopEnv", "dynamic:DynamicJobShopVectorEnv"),
    "makespan/RCPSP-v0": ("rcpsp:RCPSPEnv", "rcpsp:RCPSPVectorEnv"),
}
"""Each id with the class of one environment and of a vector of them."""


def register_environments() -> None:
    """Make the ids known to Gymnasium; called by Gymnasium itself where the package is installed."""
    for name, (single, vector) in ENVIRONMENTS.items():
        if name not in registry:
            package = "makespan.envs"
            register(name, entry_point=f"{package}.{single}", vector_entry_point=f"{package}.{vector}")


register_environments()
