"""What a fresh system needs before somebody can use it: the official list of places and an administrator."""

from rich.console import Console

from deploy.laptop.supervisor import Stack

ADMINISTRATOR = "13800138000"


def first_steps(stack: Stack, console: Console) -> None:
    """Loads the places and makes the administrator, unless they are there; tells how to get in."""
    with console.status("The official list of places and an administrator …"):
        stack.command("services.registry", "import-divisions", service="registry")
        stack.command("services.gateway", "admin", "--phone", ADMINISTRATOR, "--name", "管理员", service="gateway")
        token = stack.data_dir / "admin-token"
        token.touch(mode=0o600)
        token.write_text(stack.command("services.gateway", "sign-in", "--phone", ADMINISTRATOR, service="gateway"))
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
