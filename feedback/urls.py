from django.urls import path, re_path

from feedback import backstage, inbox, views

urlpatterns = [
    path("feedback/", views.feedback, name="feedback"),
    path("feedback/<slug:token>/", views.receipt, name="receipt"),
    # /inbox/
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/<int:pk>/", inbox.message, name="message"),
    path("inbox/<int:pk>/reply/", inbox.reply, name="reply"),
    path("inbox/<int:pk>/note/", inbox.note, name="note"),
    re_path(rf"^inbox/(?P<pk>[0-9]{{1,18}})/(?P<verb>{'|'.join(inbox.VERBS)})/$", inbox.mark, name="mark"),
    path("inbox/mail/<int:pk>/again/", inbox.again, name="again"),
    # /inbox/export/
    path("inbox/export/", backstage.export, name="exports"),
    path("inbox/export/<uuid:task>/", backstage.export_progress, name="export"),
    path("inbox/export/<uuid:task>/cancel/", backstage.export_cancel, name="export_cancel"),
    path("inbox/export/<uuid:task>.<str:kind>", backstage.export_file, name="export_file"),
    # /inbox/mails/
    path("inbox/mails/", backstage.mails, name="mails"),
    path("inbox/mails/<str:name>/", backstage.mail_file, name="mail_file"),
    path("inbox/lesson/", backstage.classroom, name="lesson"),
]
