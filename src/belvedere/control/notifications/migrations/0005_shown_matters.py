from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models.functions import Now


def look_at_all(apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    """What is shown or announced already is looked at once, and from then on when it is due."""
    apps.get_model("notifications", "Notification").objects.filter(pushed_at__isnull=False).update(look_at=Now())
    apps.get_model("notifications", "BrokerThing").objects.update(look_at=Now())


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0004_brokers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(model_name="notification", name="look_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="matterline", name="pushed_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="matterline", name="look_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="matterline", name="seen_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="brokerthing", name="look_at", field=models.DateTimeField(null=True)),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("pushed_at__isnull", False)), fields=["look_at"], name="notifications_to_look_at"
            ),
        ),
        migrations.AddIndex(model_name="matterline", index=models.Index(fields=["at"], name="matters_by_age")),
        migrations.AddIndex(
            model_name="matterline",
            index=models.Index(
                condition=models.Q(("pushed_at__isnull", False)), fields=["look_at"], name="matters_to_look_at"
            ),
        ),
        migrations.AddIndex(
            model_name="brokerthing", index=models.Index(fields=["look_at"], name="broker_things_to_look_at")
        ),
        migrations.RunPython(look_at_all, migrations.RunPython.noop, elidable=True),
    ]
