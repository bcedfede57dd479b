from django.urls import path

from core import accounts

urlpatterns = [path("accounts/signup/", accounts.signup, name="signup")]
