from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sharing", "0006_presets_and_groups"),
    ]

    operations = [
        migrations.AddField(
            model_name="share",
            name="paused_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="share",
            name="reminded_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="share",
            name="is_once",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="share",
            name="used_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="share",
            name="term_from",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="share",
            name="reminded_end_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="share",
            name="last_used_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="share",
            name="lapse_unused_days",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="share",
            name="lapse_warned_at",
            field=models.DateTimeField(null=True),
        ),
    ]
