from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("streaming", "0002_past_and_what_was_watched"),
    ]

    operations = [
        migrations.AddField(
            model_name="viewingsession",
            name="network",
            field=models.CharField(default="", max_length=49),
        ),
    ]
