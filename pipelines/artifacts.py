"""Names of the artifacts that pipelines produce: what whoever attaches checks and reports from outside relies on.

================  ====================================  ==================================================
name              type                                  content
================  ====================================  ==================================================
training_data     pandas.DataFrame                      features, sensitive attributes and column ``label``
validation_data   pandas.DataFrame                      the held-out rows, in the same form
data_description  data.DataDescription                  columns, what the label means, counts and digests
features          sklearn BaseEstimator                 fitted on ``training_data``
model             model.TrainedModel                    features and estimator in one; a step may return any fitted
                                                        estimator, which is stored as one
evaluation        evaluation.Evaluation                 metrics of a model on ``validation_data``
input_profile     input_profile.InputProfile            what a batch holds, before it is scored
predictions       prediction_summary.PredictionSummary  where predictions are, and their distribution
================  ====================================  ==================================================
"""

from typing import Final

TRAINING_DATA: Final = "training_data"
VALIDATION_DATA: Final = "validation_data"
DATA_DESCRIPTION: Final = "data_description"
FEATURES: Final = "features"
MODEL: Final = "model"
EVALUATION: Final = "evaluation"
INPUT_PROFILE: Final = "input_profile"
PREDICTIONS: Final = "predictions"

LABEL: Final = "label"
"""The label's column in ``training_data`` and ``validation_data``: 1 for risk and 0 for none; a class's number, from 0
in the order of the config; or the number to predict."""

ALL_PREDICTIONS: Final = "the model's predictions"
"""What stands in place of a column's name where figures of columns and of predictions are listed together."""

CONFIG: Final = "model_config"
"""Where a governed pipeline keeps the model's config among its ``extra`` settings, as JSON values."""

HELD: Final = "predictions_held"
"""Set among a pipeline's ``extra`` settings by whoever publishes its predictions: its steps then leave them pending."""
