import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0005_panel_changes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Detector",
            fields=[
                (
                    "camera",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="detector",
                        serialize=False,
                        to="devices.camera",
                    ),
                ),
                ("source", models.TextField()),
                ("shown_address", models.CharField(max_length=300)),
                ("prefix", models.CharField(max_length=200)),
                ("name", models.CharField(max_length=200)),
                ("error", models.CharField(default="", max_length=40)),
                ("heard_at", models.DateTimeField(null=True)),
                ("told_at", models.DateTimeField(null=True)),
                ("state_run", models.CharField(default="", max_length=64)),
                ("state_sequence", models.BigIntegerField(default=0)),
            ],
        ),
    ]
