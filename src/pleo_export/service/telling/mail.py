"""Hands one message to the mail server, for one person. Blocks its thread."""

import smtplib
import ssl
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from pleo_export.service.telling.errors import MailError
from pleo_export.service.telling.messages import Message
from pleo_export.service.telling.set_up import MailServer

STEP_SECONDS_MAX = 10.0  # for each answer of the server


def send_mail(server: MailServer, sender: str, receiver: str, message: Message) -> None:
    """Return once the server has taken the message. Raises MailError."""
    try:
        _send(server, _mail(sender, receiver, message))
    except smtplib.SMTPAuthenticationError as error:
        raise MailError(f"did not accept the login ({error.smtp_code})") from None
    except smtplib.SMTPSenderRefused as error:
        raise MailError(f"did not take the sender ({error.smtp_code})") from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = sorted({code for code, _ in error.recipients.values()})
        raise MailError(f"did not take the receiver ({', '.join(map(str, codes))})") from None
    except UnicodeError:
        raise MailError("takes no login with letters beyond ASCII") from None
    except smtplib.SMTPNotSupportedError:
        raise MailError("lacks what its address asks for: STARTTLS, or a login") from None
    except smtplib.SMTPResponseException as error:
        raise MailError(f"refused the message ({error.smtp_code})") from None
    except ssl.SSLError as error:
        raise MailError(f"could not be trusted, or offers no TLS there ({error.reason})") from None
    except ValueError:
        raise MailError("cannot be given a message from this sender to this receiver") from None
    except OSError as error:
        # Its words may name people, and so do those of a server that hangs up.
        raise MailError(f"could not be reached, or hung up ({type(error).__name__})") from None


def _send(server: MailServer, mail: EmailMessage) -> None:
    context = ssl.create_default_context()
    smtp = (
        smtplib.SMTP_SSL(server.host, server.port, timeout=STEP_SECONDS_MAX, context=context)
        if server.tls
        else smtplib.SMTP(server.host, server.port, timeout=STEP_SECONDS_MAX)
    )
    try:
        if server.starttls:
            smtp.starttls(context=context)
        if server.user is not None:
            smtp.login(server.user, server.password)
        smtp.send_message(mail)
        with suppress(OSError):  # it has the message; whatever comes now must not have it sent again
            smtp.quit()
    finally:
        smtp.close()


def _mail(sender: str, receiver: str, message: Message) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"] = Address("pleo-export", addr_spec=sender), receiver
    mail["Subject"], mail["Date"] = message.subject, format_datetime(message.at)
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # so that no absence note answers it
    mail.set_content(message.text)
    return mail
