from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("feedback", "0002_message_account")]

    operations = [migrations.RemoveField("message", "visitor")]
