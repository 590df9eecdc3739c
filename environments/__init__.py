"""What each environment and team is: YAML, and the one model that reads it."""

from environments.load import (
    CHECKOUT,
    DIRECTORY,
    ORDER,
    Platform,
    SettingsError,
    ground_of,
    load_platform,
    local_root,
    pick_cloud,
)
from environments.model import (
    CLOUDS,
    LOWER_IS_BETTER,
    Cloud,
    DataQuality,
    Drift,
    Environment,
    Fairness,
    Gates,
    Role,
    Team,
    Thresholds,
)
from environments.names import PLATFORM, Names, names_for, stack_name

__all__ = [
    "CHECKOUT",
    "CLOUDS",
    "DIRECTORY",
    "LOWER_IS_BETTER",
    "ORDER",
    "PLATFORM",
    "Cloud",
    "DataQuality",
    "Drift",
    "Environment",
    "Fairness",
    "Gates",
    "Names",
    "Platform",
    "Role",
    "SettingsError",
    "Team",
    "Thresholds",
    "ground_of",
    "load_platform",
    "local_root",
    "names_for",
    "pick_cloud",
    "stack_name",
]
