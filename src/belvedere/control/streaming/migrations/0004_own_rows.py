from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0004_found_elsewhere"),
        ("streaming", "0003_network"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="viewingsession",
            index=models.Index(fields=["principal", "opened_at"], name="streaming_session_own"),
        ),
    ]
