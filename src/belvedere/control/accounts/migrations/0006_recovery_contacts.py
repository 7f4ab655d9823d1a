import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import belvedere.contracts.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_closing"),
    ]

    operations = [
        migrations.CreateModel(
            name="RecoveryContact",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=belvedere.contracts.ids.new_id, max_length=26, primary_key=True, serialize=False
                    ),
                ),
                ("address", models.CharField(max_length=254)),
                ("name", models.CharField(max_length=80)),
                ("created_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("token_digest", models.CharField(db_index=True, default="", max_length=64)),
                ("expires_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recovery_contacts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("account", "address"), name="accounts_recovery_contact_once_each")
                ],
            },
        ),
    ]
