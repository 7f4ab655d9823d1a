import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_phones_and_last_seen"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccountQr",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="qr",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("code", models.CharField(max_length=32, unique=True)),
                ("created_at", models.DateTimeField()),
            ],
        ),
    ]
