from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sharing", "0008_phones_blocks_and_mutes"),
    ]

    operations = [
        migrations.AddField(
            model_name="share",
            name="tries",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="share",
            name="tried_act",
            field=models.CharField(default="", max_length=20),
        ),
        migrations.AddField(
            model_name="share",
            name="tried_at",
            field=models.DateTimeField(null=True),
        ),
    ]
