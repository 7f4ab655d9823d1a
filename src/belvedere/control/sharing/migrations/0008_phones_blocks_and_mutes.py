import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sharing", "0007_lives_in_time"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BlockedSharer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("blocked_at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="recipient",
            name="sharing_recipient_one_per_address",
        ),
        migrations.AddField(
            model_name="recipient",
            name="phone",
            field=models.CharField(default="", max_length=16),
        ),
        migrations.AddField(
            model_name="share",
            name="is_muted",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="recipient",
            name="email",
            field=models.CharField(default="", max_length=254),
        ),
        migrations.AddConstraint(
            model_name="recipient",
            constraint=models.UniqueConstraint(
                condition=models.Q(("email", ""), _negated=True),
                fields=("sharer", "email"),
                name="sharing_recipient_one_per_address",
            ),
        ),
        migrations.AddConstraint(
            model_name="recipient",
            constraint=models.UniqueConstraint(
                condition=models.Q(("phone", ""), _negated=True),
                fields=("sharer", "phone"),
                name="sharing_recipient_one_per_phone",
            ),
        ),
        migrations.AddConstraint(
            model_name="recipient",
            constraint=models.CheckConstraint(
                condition=models.Q(("email", ""), ("phone", ""), _connector="XOR"),
                name="sharing_recipient_email_or_phone",
            ),
        ),
        migrations.AddField(
            model_name="blockedsharer",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="blockedsharer",
            name="sharer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="blockedsharer",
            constraint=models.UniqueConstraint(fields=("account", "sharer"), name="sharing_blocked_sharer_once"),
        ),
    ]
