import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import belvedere.control.core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0002_taken_back_and_answered"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="MatterLine",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=belvedere.control.core.ids.new_id, max_length=26, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(max_length=20)),
                ("event", models.CharField(max_length=26)),
                ("organization", models.CharField(default="", max_length=26)),
                ("is_own", models.BooleanField(default=True)),
                ("by", models.CharField(default="", max_length=26)),
                ("at", models.DateTimeField()),
                ("is_kept", models.BooleanField(default=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["account", "at"], name="matters_of_account")],
                "constraints": [models.UniqueConstraint(fields=("account", "event"), name="matters_one_of_event")],
            },
        ),
    ]
