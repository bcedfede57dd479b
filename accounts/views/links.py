"""Password reset, and the pages behind the links in emails. They work without signing in."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordResetConfirmView
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, SignatureExpired
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import links, services
from accounts.forms.account import ResetForm
from core.http import with_status


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def reset_password(request: HttpRequest) -> HttpResponse:
    form = ResetForm(request)
    if form.is_valid():
        services.request_reset(address=form.cleaned_data["email"])
        return redirect("reset_sent")
    return with_status(render(request, "accounts/reset_password.html", {"form": form}), form)


@require_safe
def reset_sent(request: HttpRequest) -> HttpResponse:
    """The same page, whether or not there is an account."""
    return render(request, "accounts/reset_sent.html")


class SetPassword(PasswordResetConfirmView):
    """Sets a password by a link. Django keeps the token in the session and redirects to a URL without it."""

    token_generator = links.Tokens()
    template_name = "accounts/set_password.html"

    def get_user(self, uidb64: str) -> User | None:
        user = super().get_user(uidb64)
        return user if isinstance(user, User) and user.is_active else None

    def form_valid(self, form: SetPasswordForm[User]) -> HttpResponse:
        user = cast(User, self.user)
        mailed = links.mailed.check_token(user, self.request.session[INTERNAL_RESET_SESSION_TOKEN])
        password, signed_in = form.cleaned_data["new_password1"], self.request.user == user
        try:
            services.set_password(user=user, password=password, mailed=mailed)
        except ValidationError as error:
            form.add_error(None, error)
            return with_status(self.form_invalid(form), form)
        except services.LinkUsed:
            self.validlink = False
            return self.render_to_response(self.get_context_data())
        if signed_in:
            logout(self.request)  # its session has ended
        else:
            del self.request.session[INTERNAL_RESET_SESSION_TOKEN]
        messages.success(self.request, gettext("Your password was set. Sign in with it."))
        return redirect("login")

    def render_to_response(self, context: dict[str, Any], **options: Any) -> HttpResponse:
        status = HTTPStatus.OK if self.validlink else HTTPStatus.GONE
        return super().render_to_response(context, status=status, **options)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def confirm_address(request: HttpRequest, token: str) -> HttpResponse:
    """GET changes nothing, because mail scanners open every link."""
    try:
        user_id, address = links.read_address(token)
        user = User.objects.get(pk=user_id, is_active=True)
        if request.method == "POST":
            services.confirm_address(user=user, address=address)
        confirmed = services.is_confirmed(user=user, address=address)
    except (SignatureExpired, services.NotRequested, User.DoesNotExist):
        return _refused(request, HTTPStatus.GONE)
    except BadSignature:
        return _refused(request, HTTPStatus.NOT_FOUND)
    except services.AddressInUse:
        return _refused(request, HTTPStatus.CONFLICT)
    context = {"account": user, "address": address, "confirmed": confirmed}
    return render(request, "accounts/confirm_address.html", context)


def _refused(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    return render(request, "accounts/link_refused.html", {"reason": status.name}, status=status)
