"""Gates: steps that stop a run. A hook cannot, because ZenML swallows what a hook raises."""
