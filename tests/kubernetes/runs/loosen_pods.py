"""Takes the security context from the pods of a stack: ``python -m tests.kubernetes.runs.loosen_pods STACK``."""

import sys

from zenml.client import Client
from zenml.enums import StackComponentType

if __name__ == "__main__":
    (orchestrator,) = Client().get_stack(sys.argv[1]).components[StackComponentType.ORCHESTRATOR]
    Client().update_stack_component(
        orchestrator.id,
        StackComponentType.ORCHESTRATOR,
        configuration={"pod_settings": {}, "orchestrator_pod_settings": {}},
    )
