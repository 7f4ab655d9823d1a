import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0004_found_elsewhere"),
        ("streaming", "0004_own_rows"),
    ]

    operations = [
        migrations.CreateModel(
            name="Steering",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("principal", models.CharField(max_length=26)),
                ("last_at", models.DateTimeField()),
                (
                    "camera",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="steerings", to="devices.camera"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("principal", "camera"), name="streaming_steering_one_each")
                ],
            },
        ),
    ]
