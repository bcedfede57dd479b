from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from accounts import sessions
        from accounts.forms import sign_in
        from accounts.mail import MailHandler
        from accounts.models import AccountMail
        from outbox.transports import handlers

        handlers[AccountMail] = MailHandler()
        user_logged_in.connect(sessions.signed_in, dispatch_uid="accounts.sessions")
        user_login_failed.connect(sign_in.log_failure, dispatch_uid="accounts.sign_in")
