from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0001_engagements"),
    ]

    operations = [
        migrations.AddField(
            model_name="engagement",
            name="names",
            field=models.JSONField(default=dict),
        ),
    ]
