"""The budget of a team's month. ``governance/cost/budget.py`` judges it before a run begins, from what was spent.

It is the one gate that a statement may set aside though it says no: it is money.
"""

from governance.gates.gate import Gate

GATE = Gate(name="budget")
