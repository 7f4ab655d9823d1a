from django.db import migrations, models

import belvedere.contracts.ids


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Freeze",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=belvedere.contracts.ids.new_id, max_length=26, primary_key=True, serialize=False
                    ),
                ),
                ("organization", models.CharField(max_length=26)),
                ("begun_at", models.DateTimeField()),
                ("begun_by", models.CharField(max_length=26)),
                ("ends_at", models.DateTimeField()),
                ("owner_agreed_at", models.DateTimeField(null=True)),
                ("admin_agreed_at", models.DateTimeField(null=True)),
                ("change_id", models.CharField(max_length=26)),
            ],
            options={
                "indexes": [models.Index(fields=["organization", "ends_at"], name="access_freeze_in_force")],
            },
        ),
    ]
