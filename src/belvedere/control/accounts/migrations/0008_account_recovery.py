import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import belvedere.contracts.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_sign_in_places"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccountRecovery",
            fields=[
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("accepted", "Accepted"),
                            ("rejected", "Rejected"),
                            ("revoked", "Revoked"),
                            ("left", "Left"),
                            ("expired", "Expired"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("offered_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by", models.CharField(default="", max_length=26)),
                ("ended_reason", models.CharField(default="", max_length=40)),
                (
                    "id",
                    models.CharField(
                        default=belvedere.contracts.ids.new_id, max_length=26, primary_key=True, serialize=False
                    ),
                ),
                ("contact_name", models.CharField(max_length=80)),
                ("due_at", models.DateTimeField()),
                ("reminders", models.IntegerField(default=0)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="accounts.recoverycontact",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "pending")),
                        fields=("account",),
                        name="accounts_recovery_one_pending",
                    )
                ],
            },
        ),
    ]
