from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_account_qr"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="crowded_at",
            field=models.DateTimeField(null=True),
        ),
    ]
