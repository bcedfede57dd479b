from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts.views import account, links, sign_in, sign_up

urlpatterns = [
    path("accounts/login/", sign_in.SignIn.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("accounts/signup/", sign_up.sign_up, name="signup"),
    path("accounts/password/reset/", links.reset_password, name="reset_password"),
    path("accounts/password/reset/sent/", links.reset_sent, name="reset_sent"),
    path("accounts/password/<str:uidb64>/<str:token>/", links.SetPassword.as_view(), name="set_password"),
    path("accounts/address/<str:token>/", links.confirm_address, name="confirm_address"),
    path("account/", account.account, name="account"),
    path("account/password/", account.change_password, name="change_password"),
    path("account/address/", account.change_address, name="change_address"),
    path("account/address/pending/", account.pending_address, name="pending_address"),
    path("account/sessions/end/", account.end_other_sessions, name="end_other_sessions"),
    path("account/sessions/<pk:pk>/end/", account.end_session, name="end_session"),
    path("account/delete/", account.delete_account, name="delete_account"),
    path("admin/login/", sign_in.admin_sign_in),
]
