# Everything a person or a CI job does with Groundwork. `make help` lists it.
# Variables given on the command line (ENV=dev MODEL=…) reach the programs through the environment.

SHELL := /bin/sh
PYTHON ?= python3
# A cloud with a lock of its own has an environment of its own; nobody but make needs to know (decision 13).
# (Airflow's scheduler is only set up: no command of ours runs in its environment.)
ifneq ($(filter demo clean-demo,$(MAKECMDGOALS)),)
export CLOUD := $(if $(KUBERNETES),kubernetes,local)
endif
PLACE := $(filter-out $(if $(filter setup,$(MAKECMDGOALS)),,airflow),$(basename $(notdir $(wildcard locks/$(CLOUD).lock))))
VENV := .venv$(if $(PLACE),-$(PLACE))
STAMP := $(VENV)/.installed
RUN := $(VENV)/bin/python -m
# What developers use is in the checkout's own environment, whatever CLOUD says.
DEV_STAMP := .venv/.installed
DEV := .venv/bin
DEV_RUN := $(DEV)/python -m
COMPILE := $(DEV)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11
PLACES := aws databricks gcp kubernetes
READS = $(if $(JSON),--json)
FLAGS = $(READS) $(if $(DRY_RUN),--dry-run)
GLASS = $(if $(BREAK_GLASS),--break-glass)

# The local store is part of the checkout's own ground, so nothing of the user's ZenML is touched. Set it (or
# ZENML_STORE_URL and ZENML_STORE_API_KEY) to work against a shared server.
export ZENML_CONFIG_PATH ?= $(CURDIR)/.groundwork/zenml
# A workflow gives a variable that nobody set as an empty one, which ZenML would take for an address.
ifeq ($(strip $(ZENML_STORE_URL)),)
unexport ZENML_STORE_URL ZENML_STORE_API_KEY
endif
export ZENML_ANALYTICS_OPT_IN ?= false
export ZENML_LOGGING_VERBOSITY ?= WARNING
export MLFLOW_DISABLE_TELEMETRY ?= true
export DO_NOT_TRACK ?= 1
# Without bytecode every start would compile ZenML anew: 13 s instead of 5.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup offline-schemas demo clean-demo plan apply destroy state policy cost-plan output manifests drift unlock infra-check touched identity review image diff register \
	verify unregister signers team team-update team-remove deploy freeze snapshots train validate infer reproduce models sign approve override promote release rollback rollback-drill collect schedules schedule reconcile audit audit-export audit-review audit-anchor audit-hold audit-reveal audit-erase rotate-key evidence evidence-verify gates-prove cost report test check benchmark mutants fuzz lint format lock schema server server-stop server-status members ui backup restore restore-drill migrate

##@ Set up

help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "; printf "Usage: make <target> [ENV=dev] [CLOUD=local] [MODEL=…] [JSON=1] [DRY_RUN=1]\n"} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make the virtual environment of CLOUD and install the packages that its lock names

$(DEV_STAMP): requirements.lock scripts/setup
	@scripts/setup $(PYTHON) .venv $<

.venv-%/.installed: locks/%.lock scripts/setup
	@scripts/setup $(PYTHON) .venv-$* $<

demo: setup ## The whole story on this machine, or [KUBERNETES=1 KEYS= YES= DRY_RUN=] on the cluster of the settings
	@$(RUN) governance demo $(FLAGS)

clean-demo: setup ## Remove all that the demo made, and only that
	@$(RUN) governance clean-demo $(FLAGS)

##@ Infrastructure (ENV=dev|staging|production|all, or server)

plan: setup ## Show what Terraform would change
	@$(RUN) stack_bootstrap plan $(READS)

apply: setup ## Plan, then apply exactly that plan; asks where it is protected [YES=1] [EXPECT=<reviewed plan's digest or file>]
	@$(RUN) governance.cli.infrastructure apply $(FLAGS)

destroy: setup ## Destroy an environment (a protected one needs CONFIRM=<its name>; on a cloud apply protected: false first)
	@$(RUN) governance.cli.infrastructure destroy $(FLAGS)

offline-schemas: setup ## Record the providers' schemas for OFFLINE=1 anew [PROVIDER=aws] [FROM=file]
	@PYTHONPATH=infra/offline $(RUN) offline_provider.record $(PROVIDER) $(if $(FROM),--from $(FROM))

state: setup ## Make the bucket that holds Terraform's state (CLOUD=aws|gcp|kubernetes), once before the first plan
	@$(RUN) stack_bootstrap state $(FLAGS)

policy: setup ## Hold the plan against our rules and checkov's
	@$(RUN) stack_bootstrap policy $(READS)

cost-plan: setup ## Estimate what the plan costs a month, and what that changes [MARKDOWN=1]
	@$(RUN) governance cost-plan $(READS) $(if $(MARKDOWN),--markdown)

output: setup ## Show the stack contracts that an environment emits
	@$(RUN) stack_bootstrap output $(READS)

manifests: setup ## Write what ENV has inside its cluster as YAML, for GitOps (CLOUD=kubernetes) [OUT=folder]
	@$(RUN) stack_bootstrap manifests

drift: setup ## Exit 2 when infrastructure differs from code
	@$(RUN) stack_bootstrap drift $(READS)

unlock: setup ## Free the lock that a run which is gone left on ENV's state: LOCK_ID=…, as the refused command said
	@$(RUN) stack_bootstrap unlock

infra-check: setup ## Terraform fmt and validate in ENV's root on CLOUD; needs no account
	@$(RUN) stack_bootstrap terraform -- fmt -check -recursive infra
	@$(RUN) stack_bootstrap validate

##@ Continuous integration

touched: setup ## Which environments and models the changes since BASE=<commit> concern
	@$(RUN) stack_bootstrap touched $(READS)

identity: setup ## Which cloud identity a workflow takes on in ENV [ROLE=plan|apply]
	@$(RUN) stack_bootstrap identity $(READS)

review: setup ## Show the plans that were printed into PLANS=folder as Markdown [TITLE=…]
	@$(RUN) stack_bootstrap review

image: setup ## Build the image of KIND=training|inference|server; PUSH=1 brings it into ENV's registry
	@$(RUN) governance image $(FLAGS)

##@ Stacks

diff: setup ## Show how ZenML differs from the contracts; exit 2 when it does
	@$(RUN) stack_bootstrap diff $(READS)

register: setup ## Register stacks, components, connectors and secrets
	@$(RUN) governance.cli.infrastructure register $(FLAGS)

verify: setup ## Check that every stack is complete and reachable
	@$(RUN) stack_bootstrap verify $(READS)

unregister: setup ## Remove an environment's stacks from ZenML
	@$(RUN) governance.cli.infrastructure unregister $(FLAGS)

##@ The shared server

migrate: setup ## Copy a team's models, runs and lineage to another project or server [FROM=default] [TO=cardio] [TEAM=cardio]
	@$(RUN) governance migrate $(FLAGS)

server: setup ## Start ZenML's server with roles, and MLflow's pages, in the background [PORT=8237]
	@$(RUN) governance server $(FLAGS)

server-stop: setup ## Stop what make server started; what it holds stays
	@$(RUN) governance server-stop $(FLAGS)

server-status: setup ## What of the server runs; exit 2 when something was killed
	@$(RUN) governance server-status $(READS)

members: setup ## Make and deactivate the server's accounts as applied team files say [ENV=all] [ROTATE=1]
	@$(RUN) governance members $(FLAGS)

ui: setup ## Print where dashboard, MLflow's pages and reports are; OPEN=1 opens them
	@$(RUN) governance ui $(READS) $(if $(OPEN),--open)

backup: setup ## Back up database, stages, tracking stores and the log's checkpoint, on record; delete what is too old
	@$(RUN) governance backup $(FLAGS)

restore-drill: setup ## Restore the newest backup [BACKUP=…] into a server of its own, compare it with ENV's log, measure
	@$(RUN) governance restore-drill $(READS)

restore: setup ## Put a backup where the stopped server keeps its data [BACKUP=…] [OVERWRITE=1] [UNSAVED=1] [YES=1]
	@$(RUN) governance restore $(FLAGS)

##@ Teams (NAME=…)

team: setup ## Add a team: OWNER= COST_CENTER= [MODEL=] [BUDGET=] [APPROVER=] [DATA=csv|parquet]
	@$(RUN) governance team $(FLAGS)

team-update: setup ## Bring what changed in the template to the team's scaffold
	@$(RUN) governance team-update $(if $(DRY_RUN),--dry-run)

team-remove: setup ## Archive and remove a team that production does not need (CONFIRM=<its name>)
	@$(RUN) governance team-remove $(FLAGS)

signers: setup ## Show whose keys sign in ENV, as ssh-keygen reads it; people stand in environments/people.yaml
	@$(RUN) governance signers $(READS)

##@ Pipelines (MODEL=…)

deploy: setup ## Compile every model's governed pipelines for ENV's stacks and keep them in ZenML [MODEL=…]
	@$(RUN) governance deploy $(FLAGS)

freeze: setup ## Keep ENV's pipelines on record as what runs start from; production takes what staging tried [MODEL=…]
	@$(RUN) governance freeze $(FLAGS)

snapshots: setup ## List what is frozen in ENV: tried or not, in use or not [MODEL=…]
	@$(RUN) governance snapshots $(READS)

train: setup ## Train a new version in ENV [SNAPSHOT=<digest of what is frozen>]
	@$(RUN) governance train $(FLAGS)

validate: setup ## Evaluate the version in ENV against that environment's thresholds
	@$(RUN) governance validate $(FLAGS)

infer: setup ## Score DATA=path, URL or YAML of a source (or the model's own) with the version in ENV [SHARDS=4] [SNAPSHOT=digest]
	@$(RUN) governance infer $(FLAGS)

##@ Models (MODEL=…)

reproduce: setup ## Train a version again from its commit, lock, data and seed; exit 2 when it differs [VERSION=…] [RUN_NAME=…]
	@$(RUN) governance reproduce $(FLAGS)

models: setup ## List versions: verdict, main metric, trainer, where each is in use [MODEL=…]
	@$(RUN) governance models $(READS)

sign: setup ## Sign a trained model whose run did not wait to do it [VERSION=…]
	@$(RUN) governance sign $(READS)

approve: setup ## Sign that a version may enter TO=… [VERSION=…] [AS=e-mail] [KEY=ssh key] [DECISION=declined REASON=…] [YES=1]
	@$(RUN) governance approve $(FLAGS) $(GLASS)

override: setup ## Sign that GATE=… may be passed in ENV though it cannot conclude: REASON=… [SUBJECT=…] [HOURS=…] [AS=…] [YES=1]
	@$(RUN) governance override $(FLAGS)

promote: setup ## Bring a version into TO=staging|production [VERSION=…] [AS=e-mail] [KEY=ssh key] [BREAK_GLASS=1]
	@$(RUN) governance promote $(FLAGS) $(GLASS)

release: setup ## Train if need be, promote, validate, promote; exit 3 where an approval is due [WAIT=minutes]
	@$(RUN) governance release $(FLAGS)

rollback: setup ## Return ENV to the version in use before: REASON=… [TO_SNAPSHOT=digest] [AS=e-mail] [KEY=ssh key] [BREAK_GLASS=1]
	@$(RUN) governance rollback $(FLAGS) $(GLASS)

rollback-drill: setup ## Measure the way back in ENV, and return; a protected one moves with CONFIRM=<its name> only
	@$(RUN) governance rollback-drill $(READS)

schedules: setup ## List ENV's schedules: what each runs, when it is due, who changed it [MODEL=…]
	@$(RUN) governance schedules $(READS)

schedule: setup ## Score on a schedule with what is in use in ENV: CRON='0 2 * * *' [TIMEZONE=…], or PAUSE=1, RESUME=1, DELETE=1
	@$(RUN) governance schedule $(FLAGS) $(if $(PAUSE),--pause) $(if $(RESUME),--resume) $(if $(DELETE),--delete)

collect: setup ## Enter in the log the runs that nobody waited for, and publish what passed
	@$(RUN) governance collect $(FLAGS)

reconcile: setup ## Compare ZenML with ENV's log; exit 2 when they differ
	@$(RUN) governance reconcile $(FLAGS)

audit: setup ## Show ENV's audit log [ARGS="--model … --kind …"], then verify it
	@$(RUN) governance.cli.audit list --verify $(READS) $(ARGS)

audit-export: setup ## Write ENV's log, or what ARGS="--model …" picks with proofs, to the zip OUT=file
	@$(RUN) governance.cli.audit export $(READS) $(ARGS)

audit-review: setup ## Verify ENV's log and record that it was reviewed [FINDINGS=…]
	@$(RUN) governance.cli.audit review $(READS)

audit-anchor: setup ## Keep the newest checkpoint of ENV's log as a tag of a git repository [REPOSITORY=folder]
	@$(RUN) governance.cli.audit anchor $(READS)

audit-hold: setup ## Put entries FIRST= to LAST= of ENV's log under legal hold: REASON=… [RELEASE=1]
	@$(RUN) governance.cli.audit hold $(if $(DRY_RUN),--dry-run) $(if $(RELEASE),--release)

audit-reveal: setup ## Show who is behind the actor of ENTRY=number in ENV's log
	@$(RUN) governance.cli.audit reveal

audit-erase: setup ## Destroy the key of the person SUBJECT=pseudonym: what is sealed about them is gone for good [YES=1]
	@$(RUN) governance.cli.audit erase $(if $(YES),--yes)

rotate-key: setup ## Sign ENV's log with a new key from now on
	@$(RUN) governance.cli.audit rotate-key

gates-prove: setup ## Show that every gate stops what it must, under the limits of each environment [ENV=…]
	@$(RUN) governance gates-prove $(READS)

cost: setup ## Report what ENV cost in a month, against budgets, with a forecast [TEAM=…] [MONTH=2026-11]
	@$(RUN) governance cost $(READS)

evidence: setup ## Write all that is on record of a version, signed, to one zip [VERSION=…] [OUT=file] [REVEAL=1]
	@$(RUN) governance evidence $(FLAGS) $(if $(REVEAL),--reveal)

evidence-verify: setup ## Check the evidence in FILE=… by the public KEY=… that you trust, or its fingerprint
	@$(RUN) governance evidence-verify $(READS)

report: setup ## Write the HTML report of the version in ENV
	@$(RUN) governance report $(FLAGS)

##@ Quality

test: $(DEV_STAMP) ## Run every test, or those of ARGS="-k …" [COVERAGE=1] [ALL_RUNS=1]
	@$(if $(ALL_RUNS),ALL_RUNS=1) $(DEV_RUN) pytest -n 2 --dist loadgroup --no-loadscope-reorder --durations=50 \
		$(if $(COVERAGE),--cov --cov-report=term --cov-fail-under=90) $(ARGS)

check: lint ## For every save: lint, types and the tests that start neither ZenML nor Terraform
	@FUZZ_CASES=1000 $(DEV_RUN) pytest --quick -n 2 --dist loadgroup --no-loadscope-reorder -q -r fE $(ARGS)

benchmark: $(DEV_STAMP) ## Measure what Groundwork costs here, beside goals; an error only with STRICT=1 [ARGS=plan]
	@$(DEV_RUN) tests.benchmarks $(ARGS)

mutants: $(DEV_STAMP) ## Make each chosen fault in a copy and say which no test notices [ARGS=words of a promise]
	@$(DEV_RUN) tests.mutants $(ARGS)

fuzz: $(DEV_STAMP) ## Try hostile logs and packs on both verifiers [N=100000] [SEED=…]
	@FUZZ_CASES=$(or $(N),100000) FUZZ_SEED=$(SEED) $(DEV_RUN) pytest -q tests/governance/attacks/test_verifiers_agree.py

lint: $(DEV_STAMP) ## ruff, mypy, import rules, terraform fmt
	@$(DEV)/ruff check .
	@$(DEV)/ruff format --check .
	@$(DEV_RUN) mypy
	@$(DEV)/lint-imports
	@$(DEV_RUN) stack_bootstrap terraform -- fmt -check -recursive infra

format: $(DEV_STAMP) ## Format Python and Terraform
	@$(DEV)/ruff format .
	@$(DEV)/ruff check --fix .
	@$(DEV_RUN) stack_bootstrap terraform -- fmt -recursive infra

lock: $(DEV_STAMP) ## Resolve pyproject.toml into requirements.lock and locks/, with hashes
	@$(COMPILE) --group dev pyproject.toml --output-file requirements.lock
	@$(foreach place,$(PLACES),$(COMPILE) --group $(place) pyproject.toml --output-file locks/$(place).lock &&) \
		$(COMPILE) --group pyproject.toml:airflow --output-file locks/airflow.lock

schema: $(DEV_STAMP) ## Write the JSON Schemas of settings, model configurations and the stack contract
	@$(DEV_RUN) environments schema
	@$(DEV_RUN) pipelines schema
	@$(DEV_RUN) stack_bootstrap schema
