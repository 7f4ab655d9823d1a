from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("streaming", "0005_steering"),
    ]

    operations = [
        migrations.AddField(
            model_name="viewingsession",
            name="probed_by",
            field=models.CharField(default="", max_length=26),
        ),
    ]
