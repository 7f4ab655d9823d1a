import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import belvedere.control.core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_recovery_contacts"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="crowded_seen_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="former_email",
            field=models.EmailField(default="", max_length=254),
        ),
        migrations.AddField(
            model_name="account",
            name="email_changed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name="SignInPlace",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=belvedere.control.core.ids.new_id, max_length=26, primary_key=True, serialize=False
                    ),
                ),
                ("device", models.CharField(max_length=64)),
                ("network", models.CharField(max_length=43)),
                ("browser", models.CharField(max_length=40)),
                ("way", models.CharField(max_length=20)),
                ("session", models.CharField(max_length=64)),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("is_told", models.BooleanField(default=False)),
                ("confirmed_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["last_at"], name="accounts_places_by_age")],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "device", "network"), name="accounts_sign_in_place_once")
                ],
            },
        ),
    ]
