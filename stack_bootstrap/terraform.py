"""One small adapter around python-terraform: typed errors, an explicit backend, and plans applied exactly."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace as replaced
from pathlib import Path
from typing import IO, Any, NoReturn

import python_terraform

from environments.errors import ExpectedError
from environments.files import replace_if_changed
from stack_bootstrap.install_terraform import Installation, ensure_terraform
from stack_bootstrap.offline import without_accounts
from stack_bootstrap.provider_mirror import cli_configuration
from stack_bootstrap.workspace import Workspace

FLAG = python_terraform.IsFlagged
"""How python-terraform spells an option that takes no value."""

LOCK_TIMEOUT_SECONDS = 60
"""How long to wait for a state that somebody else holds, such as an apply that outlived its parent."""

DESTROY_VARIABLE = "GROUNDWORK_DESTROY"
"""Names, for the environment guard, the environment that may be destroyed."""


class TerraformError(ExpectedError):
    """A Terraform command failed.

    Attributes:
        command: the command line.
        status: its exit status; negative for a signal.
        text: Terraform's own message.
    """

    advice = ""

    def __init__(self, text: str, command: Sequence[str], status: int) -> None:
        self.text = text
        self.command = tuple(command)
        self.status = status
        super().__init__(text, command, status)

    def __str__(self) -> str:
        ended = f"was ended by signal {-self.status}" if self.status < 0 else f"ended with exit status {self.status}"
        said = self.text or "It said nothing on its error output."
        return "\n\n".join(part for part in (f"`{' '.join(self.command)}` {ended}.", said, self.advice) if part)


class StateLockedError(TerraformError):
    """Somebody else holds the state's lock. Waiting may help."""

    advice = (
        "Somebody else is planning or applying. If the lock was left by a run that is gone, free it with "
        "`make unlock ENV=… CLOUD=… LOCK_ID=…` and the ID above."
    )


class GuardRefusedError(TerraformError):
    """The state belongs to another environment, or a destroy did not name the right one. Nothing was changed."""


class StalePlanError(TerraformError):
    """The state changed after the plan was made. Plan again."""

    advice = "The plan no longer fits the state. Plan again, and review that plan."


_SAID: set[str] = set()
"""Warnings that were shown: every command in every environment repeats them."""

_TOLD_APART: tuple[tuple[str, type[TerraformError]], ...] = (
    ("Error acquiring the state lock", StateLockedError),
    ("environment-guard/main.tf", GuardRefusedError),
    ("Saved plan is stale", StalePlanError),
    ("Saved plan does not match the given state", StalePlanError),
)


class Terraform:
    """Terraform in one workspace.

    Args:
        workspace: where it works.
        installation: which binary runs; by default :func:`ensure_terraform` decides.
        stream: where plan and apply show their output as it happens; ``None`` for nowhere.
        lock_timeout: seconds to wait for the state's lock.

    Every method raises :class:`TerraformError`, or a subclass where callers act differently.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        installation: Installation | None = None,
        stream: IO[str] | None = None,
        lock_timeout: int = LOCK_TIMEOUT_SECONDS,
    ) -> None:
        self.workspace = workspace
        self.installation = installation or ensure_terraform()
        self.stream = stream
        self._lock_timeout = f"{lock_timeout}s"
        self._variables = workspace.home / "variables.tfvars.json"

    def init(self) -> bool:
        """Initialise the data folder with the workspace's backend, unless a stamp proves that this was done.

        Returns whether Terraform was run.
        """
        workspace = self.workspace
        workspace.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_if_changed(self._variables, json.dumps(dict(workspace.variables), indent=2))
        self._write_configuration()
        stamp = workspace.home / "initialised"
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == self._fingerprint():
            return False
        # What an init that was killed may have left half-written; plugins stay, Terraform checks their sums.
        for leftover in (stamp, *self._initialised()):
            leftover.unlink(missing_ok=True)
        self._run("init", input=False, backend_config=dict(workspace.backend), reconfigure=FLAG)
        stamp.write_text(self._fingerprint(), encoding="utf-8")
        return True

    def plan(self, plan_file: Path, *, replace: Sequence[str] = (), destroy: bool = False) -> bool:
        """Write a plan to ``plan_file`` and return whether it changes anything.

        Args:
            plan_file: where the plan goes; it may hold sensitive values, as a state does.
            replace: addresses of resources that are to be made anew although Terraform sees no difference.
            destroy: plan to destroy everything.
        """
        self.init()
        plan_file.unlink(missing_ok=True)
        status, _ = self._run(
            "plan",
            stream=self.stream,
            accept=(0, 2),
            input=False,
            detailed_exitcode=FLAG,
            out=str(plan_file),
            var_file=str(self._variables),
            replace=list(replace),
            destroy=FLAG if destroy else None,
            lock_timeout=self._lock_timeout,
        )
        plan_file.chmod(0o600)
        return status == 2

    def apply(self, plan_file: Path, *, destroys: str | None = None) -> None:
        """Apply exactly the plan in ``plan_file``. ``destroys`` names the environment that it may destroy."""
        self.init()
        self._run(
            "apply",
            str(plan_file),
            stream=self.stream,
            environment={DESTROY_VARIABLE: destroys or ""},
            input=False,
            lock_timeout=self._lock_timeout,
        )

    def show(self, plan_file: Path) -> dict[str, Any]:
        """Return ``plan_file`` in Terraform's JSON plan format. It holds sensitive values in clear: do not print it."""
        self.init()
        _, text = self._run("show", str(plan_file), json=FLAG)
        return _object(text)

    def output(self, name: str) -> Any:
        """Return the value of the output ``name``, or None when the state has no such output (yet)."""
        self.init()
        _, text = self._run("output", json=FLAG)
        return _object(text).get(name, {}).get("value")

    def pull_state(self) -> dict[str, Any]:
        """Return the whole state, empty when there is none. It holds sensitive values in clear: do not print it."""
        self.init()
        _, text = self._run("state pull")
        return _object(text) if text.strip() else {}

    def push_state(self, state: Mapping[str, Any]) -> None:
        """Replace the state by ``state``, whose serial is higher than that of the one that is there."""
        self.init()
        with tempfile.TemporaryDirectory(dir=self.workspace.home) as folder:
            file = Path(folder) / "state.json"
            file.touch(mode=0o600)
            file.write_text(json.dumps(state), encoding="utf-8")
            self._run("state push", str(file), lock_timeout=self._lock_timeout)

    def validate(self) -> None:
        """Check the root in a data folder of its own, initialised without a backend: that needs no account."""
        apart = Terraform(replaced(self.workspace, home=self.workspace.home / "check"), installation=self.installation)
        apart.workspace.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        apart._write_configuration()
        apart._run("init", input=False, backend=False)
        apart._run("validate", stream=self.stream)

    def unlock(self, lock_id: str) -> None:
        """Free the state's lock ``lock_id``, left by a run that is gone."""
        self.init()
        self._run("force-unlock", lock_id, force=FLAG)

    def run_by_hand(self, arguments: Sequence[str]) -> int:
        """Exit status of any Terraform command, with this process's terminal for its own."""
        self.init()
        command = [str(self.installation.path), *arguments]
        return subprocess.run(command, cwd=self.workspace.root, env=self._environment(), check=False).returncode

    def _write_configuration(self) -> None:
        """Write what names the plugins' folders, where there are any."""
        if self.workspace.mirrors:
            replace_if_changed(self._cli_configuration, cli_configuration(self.workspace.mirrors))

    @property
    def _cli_configuration(self) -> Path:
        return self.workspace.home / "terraform.rc"

    @property
    def _modules(self) -> Path:
        return self.workspace.data / "modules" / "modules.json"

    def _initialised(self) -> tuple[Path, Path]:
        """Return what init writes: which backend the data folder goes with, and where the modules are."""
        return self.workspace.data / "terraform.tfstate", self._modules

    def _fingerprint(self) -> str:
        """Digest what an initialisation depends on and left: binary, backend, root, modules, plugins' source."""
        workspace = self.workspace
        files = [*self._initialised(), workspace.root / ".terraform.lock.hcl"]
        if workspace.configuration:
            files.append(workspace.configuration)
        if workspace.mirrors:
            files.append(self._cli_configuration)
        for folder in _module_folders(workspace.root, self._modules):
            files += sorted([*folder.glob("*.tf"), *folder.glob("*.tf.json")])
        digest = hashlib.sha256(json.dumps([str(self.installation), dict(workspace.backend)]).encode())
        for file in files:
            digest.update(f"{file}\0".encode() + (file.read_bytes() if file.is_file() else b"-") + b"\0")
        return digest.hexdigest()

    def _run(
        self,
        name: str,
        *arguments: str,
        stream: IO[str] | None = None,
        accept: Sequence[int] = (0,),
        environment: Mapping[str, str] | None = None,
        **options: Any,
    ) -> tuple[int, str]:
        """Exit status and standard output (empty when it was streamed) of one command."""
        process = _Process(
            self.installation.path, self.workspace.root, {**self._environment(), **(environment or {})}, stream
        )
        coloured = stream is not None and stream.isatty()
        status, output, errors = process.cmd(name, *arguments, no_color=None if coloured else FLAG, **options)
        text = _message(errors)
        if status not in accept:
            kind = next((kind for mark, kind in _TOLD_APART if mark in text), TerraformError)
            raise kind(text, process.command, status)
        if text and text not in _SAID:
            _SAID.add(text)
            sys.stderr.write(text + "\n")
        return status, output

    def _environment(self) -> dict[str, str]:
        environment = {
            **os.environ,
            "CHECKPOINT_DISABLE": "1",
            "TF_DATA_DIR": str(self.workspace.data),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
        }
        environment.pop("TF_WORKSPACE", None)  # another Terraform workspace is another state
        if self.workspace.mirrors:
            environment["TF_CLI_CONFIG_FILE"] = str(self._cli_configuration)
        if self.workspace.configuration:
            environment["TF_CLI_CONFIG_FILE"] = str(self.workspace.configuration)
        return without_accounts(environment) if self.workspace.simulated else environment


class _Process(python_terraform.Terraform):  # type: ignore[misc]
    """python-terraform's commands and options, over a process run the way we need it.

    Its own ``cmd`` takes no environment for the child, writes only to the real standard output, and leaves the child
    alone on Ctrl-C; its ``__getattr__`` runs any misspelt method as a Terraform command.
    """

    def __init__(self, binary: Path, root: Path, environment: Mapping[str, str], stream: IO[str] | None) -> None:
        super().__init__(working_dir=str(root), terraform_bin_path=str(binary))
        self.command: list[str] = []
        self._environment = environment
        self._stream = stream

    def __getattr__(self, item: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} has no attribute {item!r}")

    def read_state_file(self, file_path: str | None = None) -> None:
        """Return nothing: the state is Terraform's own business."""

    def cmd(self, cmd: str, *args: str, **kwargs: Any) -> tuple[int, str, str]:
        """Run one command; exit status, standard output (empty when streamed) and standard error."""
        self.command = self.generate_cmd_string(cmd, *args, **kwargs)
        # Files, not pipes: should this process be killed, Terraform goes on and writes its state, where a broken
        # pipe would end it. Errors are kept for the exception; Terraform writes them last anyway.
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            live = _descriptor(self._stream)
            process = subprocess.Popen(
                self.command,
                cwd=self.working_dir,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output if live is None else live,
                stderr=errors,
                process_group=0,  # Ctrl-C reaches it once, through us, and not a second time from the terminal
            )
            status = _wait(process)
            text = _read(output)
            if self._stream is not None and live is None:
                self._stream.write(text)
            return status, "" if self._stream is not None else text, _read(errors)


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for ``process``, passing on Ctrl-C and letting it end in order before giving way to it."""
    interrupted = False
    while True:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            interrupted = True
            process.send_signal(signal.SIGINT)
        else:
            break
    if interrupted:
        raise KeyboardInterrupt
    return status


def _descriptor(stream: IO[str] | None) -> int | None:
    """Return a file descriptor that a child can write to, or None when ``stream`` lives in this process only."""
    if stream is None:
        return None
    try:
        stream.flush()
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", errors="replace")


def _module_folders(root: Path, modules: Path) -> list[Path]:
    """Return the folders of ``root`` and of every module that the last init found, if what it wrote can be read."""
    try:
        listed = json.loads(modules.read_text(encoding="utf-8"))["Modules"]
        return [root / folder for folder in sorted({module["Dir"] for module in listed})]
    except (OSError, ValueError, KeyError, TypeError):
        return [root]


def _message(errors: str) -> str:
    """Return Terraform's message without the colours and the box it draws around it."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", errors)
    lines = [re.sub(r"^[╷╵│] ?", "", line).rstrip() for line in plain.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    assert isinstance(value, dict)
    return value
