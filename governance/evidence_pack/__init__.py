"""Everything that is on record of one version of a model, in one signed zip file that anybody can check.

``facts.py`` collects, ``model_card.py`` and ``ml_bom.py`` write it for people and machines, ``extracts.py`` proves the
log's entries, ``pack.py`` puts all of it together. ``governance/audit/verify_pack.py``
checks it with ``verify.py`` next to it; both travel inside.
"""
