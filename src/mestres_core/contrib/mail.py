"""Confirmations as e-mail files: for a mail server's pick-up folder, and to look at in a demonstration."""

from __future__ import annotations

import os
import tempfile
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from mestres_core.contrib.http.render import formatted
from mestres_core.orders.dto import Order

_TEXT = """\
Olá, {name}!

Recebemos o seu pedido {number}.

{lines}

Frete: {shipping}
Total: {grand}

Obrigado,
{sender}
"""


_SENDER = "Mestres Café <pedidos@mestres.example>"


class MailFolder:
    """Writes each message as a file `{number}.eml`, in one step; the same order again replaces its file."""

    def __init__(self, folder: str | os.PathLike[str], *, sender: str = _SENDER) -> None:
        self._folder = Path(folder)
        self._sender = sender

    def order_confirmed(self, order: Order) -> None:
        """Write the confirmation. Raises OSError when the folder cannot be written to."""
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = order.customer["email"]
        message["Subject"] = f"Pedido {order.number} recebido"
        message["Message-ID"] = f"<{order.number}@mestres.example>"
        message.set_content(self._text(order))
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(message.as_bytes())
        Path(name).replace(self._folder / f"{order.number}.eml")

    def _text(self, order: Order) -> str:
        lines = "\n".join(f"{each.quantity} x {each.name}: {formatted(each.total)}" for each in order.lines)
        return _TEXT.format(
            name=order.customer["name"],
            number=order.number,
            lines=lines,
            shipping=formatted(order.totals.shipping),
            grand=formatted(order.totals.grand),
            sender=self._sender.partition(" <")[0],
        )
