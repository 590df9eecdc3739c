"""What data scientists own: configs of models, steps and pipelines. Plain Python, on any ZenML stack.

Importing this package is cheap: nothing here loads ZenML, scikit-learn or pandas.
"""

from pipelines.config import CONFIGS, ConfigError, ModelConfig, list_models, read_config

__all__ = ["CONFIGS", "ConfigError", "ModelConfig", "list_models", "read_config"]
