from django.urls import path, re_path

from feedback.views import dev_mailbox, exports, inbox, ratings, sender

urlpatterns = [
    path("feedback/", sender.feedback, name="feedback"),
    path("feedback/mine/", sender.my_feedback, name="my_feedback"),
    path("feedback/<slug:token>/email/", sender.correct_email, name="correct_email"),
    path("feedback/<slug:token>/delete/", sender.delete, name="delete_message"),
    path("feedback/<slug:token>/", sender.receipt, name="receipt"),
    # /inbox/
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/<pk:pk>/", inbox.message, name="message"),
    path("inbox/<pk:pk>/reply/", inbox.reply, name="reply"),
    path("inbox/<pk:pk>/note/", inbox.note, name="note"),
    re_path(rf"^inbox/(?P<pk>[0-9]{{1,18}})/(?P<action>{'|'.join(inbox.ACTIONS)})/$", inbox.mark, name="mark"),
    path("inbox/mail/<pk:pk>/again/", inbox.retry, name="retry"),
    path("inbox/ratings/", ratings.overview, name="ratings"),
    path("inbox/ratings.csv", ratings.download, name="ratings_csv"),
    # /inbox/export/
    path("inbox/export/", exports.export, name="exports"),
    path("inbox/export/<uuid:task_id>/", exports.export_progress, name="export"),
    path("inbox/export/<uuid:task_id>/cancel/", exports.export_cancel, name="export_cancel"),
    path("inbox/export/<uuid:task_id>.<str:format>", exports.export_file, name="export_file"),
    # /inbox/mails/
    path("inbox/mails/", dev_mailbox.mails, name="mails"),
    path("inbox/mails/<str:name>/", dev_mailbox.mail_file, name="mail_file"),
    path("inbox/mails/<str:name>/html/", dev_mailbox.mail_html, name="mail_html"),
]
