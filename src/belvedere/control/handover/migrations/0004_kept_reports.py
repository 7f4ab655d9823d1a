import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("handover", "0003_access_tests"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeptReport",
            fields=[
                (
                    "handover",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="report",
                        serialize=False,
                        to="handover.handover",
                    ),
                ),
                ("made_at", models.DateTimeField()),
                ("text", models.TextField()),
                ("digest", models.CharField(max_length=64)),
                ("key", models.CharField(max_length=16)),
                ("signature", models.CharField(max_length=100)),
            ],
        ),
    ]
