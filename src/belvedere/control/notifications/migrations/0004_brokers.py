import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import belvedere.contracts.ids


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0003_matters"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Broker",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=belvedere.contracts.ids.new_id, max_length=26, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("login", models.TextField()),
                ("shown_address", models.CharField(max_length=300)),
                ("prefix", models.CharField(max_length=200)),
                ("is_announced", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
                ("last_sent_at", models.DateTimeField(null=True)),
                ("failures", models.IntegerField(default=0)),
                ("failing_since", models.DateTimeField(null=True)),
                ("disabled_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BrokerThing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("resource", models.CharField(max_length=26)),
                ("taken_back_at", models.DateTimeField(null=True)),
                (
                    "broker",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="things", to="notifications.broker"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("broker", "resource"), name="notifications_one_broker_thing")
                ],
            },
        ),
    ]
