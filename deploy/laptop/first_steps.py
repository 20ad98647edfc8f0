"""What a fresh system needs before somebody can use it: the official list of places and an administrator."""

import subprocess
import sys

from rich.console import Console

from deploy.laptop.processes import LaunchError
from deploy.laptop.supervisor import Stack

ADMINISTRATOR = "13800138000"


def first_steps(stack: Stack, console: Console) -> None:
    """Loads the places and makes the administrator, unless they are there; tells how to get in."""
    _command(stack, "services.registry", "import-divisions")
    _command(stack, "services.gateway", "admin", "--phone", ADMINISTRATOR, "--name", "管理员")
    token = stack.data_dir / "admin-token"
    token.touch(mode=0o600)
    token.write_text(_command(stack, "services.gateway", "sign-in", "--phone", ADMINISTRATOR))
    lines = (
        f"Linli runs at {stack.gateway_url}",
        f"  API documentation   {stack.gateway_url}/docs and {stack.gateway_url}/v1/openapi.json",
        f"  sign in             administrator {ADMINISTRATOR}; POST /v1/sign-in-codes answers the code here",
        f'  a ready token       curl -H "Authorization: Bearer $(cat {token})" {stack.gateway_url}/v1/me',
        "                      (it counts for five minutes)",
        f"  telephone messages  {stack.sms_outbox}",
        f"  logs                {stack.data_dir / 'logs'}",
        "Ctrl-C stops it; the data stays for the next start.",
    )
    console.print("\n".join(lines), soft_wrap=True, markup=False, highlight=False)


def _command(stack: Stack, *words: str) -> str:
    """Runs a service's command on the stack. Raises LaunchError with what it said."""
    call = [sys.executable, "-m", *words]
    done = subprocess.run(call, env=dict(stack.env), capture_output=True, text=True)  # noqa: S603 - our own commands
    if done.returncode:
        raise LaunchError(f"python -m {' '.join(words)} failed: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout.strip()
