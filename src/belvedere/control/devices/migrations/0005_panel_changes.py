import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0004_found_elsewhere"),
    ]

    operations = [
        migrations.CreateModel(
            name="PanelChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("state", models.CharField(max_length=20)),
                (
                    "panel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="changes", to="devices.panel"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["panel", "at"], name="devices_panel_change_at")],
            },
        ),
    ]
